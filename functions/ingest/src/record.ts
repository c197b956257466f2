import { positiveMs, readEnv, wholeNumber } from '@kandle/runtime/config';
import { describeError, FatalError } from '@kandle/runtime/errors';
import { createLogger } from '@kandle/runtime/log';
import { z } from 'zod';
import { readConfig } from './config.ts';
import { createFeed } from './feed/create-feed.ts';
import { createRotatingRecording } from './record/rotating-recording.ts';
import { askedSymbols } from './symbols.ts';

/*
 * The feed of ingest's configuration, written to a file instead of to Kafka: `npm run record`. A frame is
 * written as it came, with when it came.
 */

const TELL_MS = 5_000;
const FLUSH_MS = 1_000;

/** Where to; a part is full after so many bytes or so long, or there is only one file. */
const RecordEnv = z.object({
  RECORD_FILE: z.string().min(1),
  RECORD_PART_BYTES: wholeNumber(1, 1_000_000_000_000).optional(),
  RECORD_PART_MS: positiveMs.optional(),
});

async function main(): Promise<void> {
  const { RECORD_FILE: path, ...bounds } = readEnv(RecordEnv, process.env);
  const config = readConfig(process.env);
  const log = createLogger('record', 'warn');
  const { symbols, refused } = askedSymbols(config);
  for (const { symbol, reason } of refused) log.warn(`${symbol} is not asked for: ${reason}`);
  const recording = createRotatingRecording({
    path,
    source: { vendor: config.VENDOR, mapping: config.NDJSON_MAPPING },
    maxBytes: bounds.RECORD_PART_BYTES ?? null,
    maxMs: bounds.RECORD_PART_MS ?? null,
    wallMs: Date.now,
    monotonicMs: () => performance.now(),
    onError: (error) => fail(new FatalError(`Cannot write ${path}: ${describeError(error)}`)),
  });
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  const feed = createFeed(
    config,
    {
      onConnected: (connection) => say(`connected (${connection})`),
      onDisconnected: () => say('the line is gone'),
      onWaiting: (words, waitMs, isRefused) =>
        say(`${isRefused ? 'refused' : 'no connection'}: ${words}; again in ${Math.round(waitMs / 1_000)} s`),
      onAlive: () => undefined,
      onStandstill: () => undefined,
      onFrame: (_, text) => recording.write(text),
      onEnd: () => undefined,
    },
    { symbols, moments: { hasStoodStill: () => false }, isAllSent: null, log },
  );
  const flushing = setInterval(() => recording.flush(), FLUSH_MS);
  const tell = (): void =>
    say(`${recording.frames()} frames, ${(recording.bytes() / 1e6).toFixed(1)} MB, in ${recording.path()}`);
  const telling = setInterval(tell, TELL_MS);
  const end = async (): Promise<void> => {
    clearInterval(flushing);
    clearInterval(telling);
    await feed.stop(true);
    await recording.close();
    tell();
    process.exit(0);
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void end());
  feed.start();
}

function fail(error: unknown): void {
  process.stderr.write(`record: ${describeError(error)}\n`);
  process.exit(1);
}

main().catch(fail);
