import { describeError, FatalError } from '@kandle/runtime/errors';
import { createLogger } from '@kandle/runtime/log';
import { readConfig } from './config.ts';
import { createFeed } from './feed/create-feed.ts';
import { createRecording } from './record/recording.ts';
import { askedSymbols } from './symbols.ts';

/*
 * The feed of ingest's configuration, written to a file instead of to Kafka: `npm run record`. A frame is
 * written as it came, with when it came.
 */

const TELL_MS = 5_000;
const FLUSH_MS = 1_000;

async function main(): Promise<void> {
  const path = process.env['RECORD_FILE'] ?? '';
  if (path === '') throw new FatalError('Cannot record: RECORD_FILE is not set');
  const config = readConfig(process.env);
  const log = createLogger('record', 'warn');
  const { symbols, refused } = askedSymbols(config);
  for (const { symbol, reason } of refused) log.warn(`${symbol} is not asked for: ${reason}`);
  const recording = createRecording(
    path,
    { vendor: config.VENDOR, mapping: config.NDJSON_MAPPING },
    Date.now,
  );
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  const feed = createFeed(
    config,
    {
      onConnected: (connection) => say(`connected (${connection})`),
      onDisconnected: () => say('the line is gone'),
      onWaiting: (words, waitMs) => say(`no connection: ${words}; again in ${Math.round(waitMs / 1_000)} s`),
      onAlive: () => undefined,
      onStandstill: () => undefined,
      onFrame: (_, text) => recording.write(text),
      onEnd: () => undefined,
    },
    { symbols, moments: { hasStoodStill: () => false }, log },
  );
  const flushing = setInterval(() => recording.flush(), FLUSH_MS);
  const telling = setInterval(() => say(`${recording.frames()} frames in ${path}`), TELL_MS);
  const end = async (): Promise<void> => {
    clearInterval(flushing);
    clearInterval(telling);
    await feed.stop(true);
    await recording.close();
    say(`${recording.frames()} frames in ${path}`);
    process.exit(0);
  };
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void end());
  feed.start();
}

main().catch((error: unknown) => {
  process.stderr.write(`record: ${describeError(error)}\n`);
  process.exit(1);
});
