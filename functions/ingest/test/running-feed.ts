import type { FeedFrame } from '@kandle/market/feed/feed-frame';
import { createLogger } from '@kandle/runtime/log';
import { onTestFinished, vi } from 'vitest';
import { readConfig } from '../src/config.ts';
import { createFeed } from '../src/feed/create-feed.ts';
import type { Feed } from '../src/feed/feed.ts';

/** A feed of a test, and what it has told so far. */
export interface RunningFeed {
  readonly feed: Feed;
  /** `connected 1 null`, `disconnected`, `end`. */
  readonly events: readonly string[];
  readonly frames: readonly FeedFrame[];
  readonly waits: readonly (readonly [words: string, waitMs: number])[];
  /** The entries of all frames of trades or looks. */
  entries(): readonly Readonly<Record<string, unknown>>[];
  /** Everything that it has said anywhere, the log too, as text. */
  said(): string;
}

/**
 * Starts the feed that ingest's variables ask for, with waits that a test can wait for; it is stopped at the
 * test's end.
 */
export function runFeed(env: Readonly<Record<string, string>>, symbols: readonly string[] = []): RunningFeed {
  const events: string[] = [];
  const frames: FeedFrame[] = [];
  const waits: [words: string, waitMs: number][] = [];
  const log = createLogger('test', 'silent');
  const logged = (['info', 'warn', 'error'] as const).map((level) => vi.spyOn(log, level));
  const config = readConfig({ RECONNECT_MIN_MS: '10', RECONNECT_MAX_MS: '200', ...env });
  const feed = createFeed(
    config,
    {
      onConnected: (connection, lost) => events.push(`connected ${connection} ${lost}`),
      onDisconnected: () => events.push('disconnected'),
      onWaiting: (words, waitMs) => waits.push([words, waitMs]),
      onAlive: () => undefined,
      onStandstill: () => undefined,
      onFrame: (frame) => frames.push(frame),
      onEnd: () => events.push('end'),
    },
    { symbols, moments: { hasStoodStill: () => false }, isAllSent: () => true, log },
  );
  feed.start();
  onTestFinished(() => feed.stop(false));
  return {
    feed,
    events,
    frames,
    waits,
    entries: () =>
      frames.flatMap((frame) => (frame.kind === 'trade' ? frame.entries : [])).map((entry) => Object(entry)),
    said: () => JSON.stringify([logged.map(({ mock }) => mock.calls), waits, frames]),
  };
}
