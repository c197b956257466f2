import { CassandraEnv } from '@kandle/runtime/cassandra';
import { type Env, positiveMs, readEnv, wholeNumber } from '@kandle/runtime/config';
import { FunctionEnv } from '@kandle/runtime/function-server';
import { z } from 'zod';

/** Every variable that the function takes, with its default. */
export const envSchema = z.object({
  ...FunctionEnv.shape,
  ...CassandraEnv.shape,
  /** How far behind its batch's watermark a trade may be and still count: the same as transform's. */
  HORIZON_MS: positiveMs.default(900_000),
  /** Most writes under way at once, over all events. */
  WRITE_CONCURRENCY: wholeNumber(1, 1_024).default(32),
  /**
   * Most batches of trades written at once. They are the large writes: a few keep a small Cassandra busy, and
   * what more there is would wait there in front of aggregate's transactions, instead of here.
   */
  TRADE_BATCHES_AT_ONCE: wholeNumber(1, 1_024).default(3),
  /**
   * Most rows of one partition in one write: as many as an event has. A trade's has about 120 bytes, a candle's
   * 300.
   */
  MAX_ROWS_PER_BATCH: wholeNumber(1, 10_000).default(1_000),
  /** False where candles are not to be rolled up to longer ones. */
  ROLLUPS: z.stringbool().default(true),
  /** How long after a shard's last final candle its minute is rolled up, when no later one comes; above 5 s. */
  ROLLUP_IDLE_MS: positiveMs.default(8_000),
  /** Most statements of rollups under way at once. */
  ROLLUP_CONCURRENCY: wholeNumber(1, 1_024).default(16),
  /** Most symbols of minutes that wait to be rolled up, about 100 bytes each; with more, events wait. */
  MAX_PENDING_ROLLUPS: wholeNumber(1, 10_000_000).default(50_000),
});

/** The configuration of the persist function. */
export type PersistConfig = z.infer<typeof envSchema>;

/** Reads the configuration once, at start. @throws {FatalError} Naming every missing or malformed variable. */
export function readConfig(env: Env): PersistConfig {
  return readEnv(envSchema, env);
}
