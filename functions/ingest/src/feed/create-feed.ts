import type { Logger } from '@kandle/runtime/log';
import { type IngestConfig, readToken } from '../config.ts';
import type { Feed, FeedHandlers } from './feed.ts';
import type { Moments } from './moments.ts';
import { createFinnhubFeed } from './finnhub/finnhub-feed.ts';

/** What a feed needs beside its configuration. */
export interface FeedParts {
  readonly symbols: readonly string[];
  readonly moments: Pick<Moments, 'hasStoodStill'>;
  readonly log: Logger;
}

/**
 * The feed that the configuration asks for. Finnhub's is the only one yet; another vendor's is another function
 * here.
 *
 * @throws {FatalError} If the key cannot be read.
 */
export function createFeed(
  config: IngestConfig,
  handlers: FeedHandlers,
  { symbols, moments, log }: FeedParts,
): Feed {
  const options = {
    url: config.FEED_URL,
    token: readToken(config),
    symbols,
    subscriptions: [...(config.NEWS ? ['subscribe-news'] : []), ...(config.BOOKS ? ['subscribe-book'] : [])],
    maxFrameBytes: config.MAX_FRAME_BYTES,
    hasStoodStill: () => moments.hasStoodStill(),
    silenceMs: config.SILENCE_MS,
    reconnectMinMs: config.RECONNECT_MIN_MS,
    reconnectMaxMs: config.RECONNECT_MAX_MS,
    stableMs: config.STABLE_MS,
    isReplay: config.REPLAY_SPEED !== undefined,
    random: Math.random,
    log,
  };
  return createFinnhubFeed(options, handlers);
}
