import { createAvroEvents } from '@kandle/runtime/avro/avro-events';
import type { Env } from '@kandle/runtime/config';
import { describeError } from '@kandle/runtime/errors';
import { createEventProducer } from '@kandle/runtime/event-producer';
import { createKafka } from '@kandle/runtime/kafka';
import { createLogger } from '@kandle/runtime/log';
import { runBackfill } from './backfill.ts';
import { readConfig } from './config.ts';
import { listOutcome } from './listing.ts';
import { HELP, parseCliOptions } from './options.ts';
import { readRecordingHistory } from './recording-history.ts';
import { createVendorHistory } from './vendor-history.ts';

/** Where text goes: the result, and what is being done. */
export interface Output {
  readonly print: (text: string) => void;
  readonly progress: (text: string) => void;
}

/** 0 done, 1 the history could not be asked for some gap, 2 it could not run. */
export type ExitCode = 0 | 1 | 2;

/** Runs a backfill as a command. */
export async function main(args: readonly string[], env: Env, output: Output): Promise<ExitCode> {
  try {
    const options = parseCliOptions(args, Date.now());
    if (options === null) {
      output.print(HELP);
      return 0;
    }
    const config = readConfig(env);
    const { recording, isDryRun, gap, sinceMs, untilMs } = options;
    const { SHARD_COUNT: shardCount, HORIZON_MS: horizonMs, MAX_TRADES: maxTrades } = config;
    const feed = options.feed ?? config.FEED;
    const kafka = createKafka(config, 'backfill', createLogger('backfill', config.LOG_LEVEL));
    const avro = createAvroEvents(config);
    const producer = createEventProducer(kafka, avro);
    try {
      const outcome = await runBackfill(
        {
          kafka,
          producer,
          avro,
          topics: { raw: config.RAW_TOPIC, redriven: config.REDRIVEN_TOPIC },
          horizonMs,
          shardCount,
          maxTrades,
          openHistory: (format, questions) =>
            recording.length === 0
              ? Promise.resolve(createVendorHistory(config))
              : readRecordingHistory({ files: recording, feed, shardCount, format, maxTrades }, questions),
          wallMs: Date.now,
          onProgress: output.progress,
        },
        { feed, gap, sinceMs, untilMs },
        isDryRun,
      );
      output.print(listOutcome(outcome, isDryRun).join('\n'));
      return outcome.gaps.some(({ hasFailed }) => hasFailed) ? 1 : 0;
    } finally {
      await producer.close();
    }
  } catch (error) {
    output.progress(describeError(error));
    return 2;
  }
}
