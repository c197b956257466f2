import { CassandraEnv } from '@kandle/runtime/cassandra';
import { type Env, positiveMs, readEnv, wholeNumber } from '@kandle/runtime/config';
import { FunctionEnv } from '@kandle/runtime/function-server';
import { KafkaEnv } from '@kandle/runtime/kafka';
import { TOPICS } from '@kandle/market/event/topics';
import { z } from 'zod';

const DAY_MS = 86_400_000;

/** Every variable that the function takes, with its default. */
export const envSchema = z.object({
  ...FunctionEnv.shape,
  ...KafkaEnv.shape,
  ...CassandraEnv.shape,
  CANDLES_TOPIC: z.string().min(1).default(TOPICS.candles),
  /** How long after its end, by the watermark, a window stays open. */
  GRACE_MS: positiveMs.default(2_000),
  /** Shortest time between two provisional publications of a window. */
  PROVISIONAL_MS: positiveMs.default(1_000),
  /**
   * A batch that has waited for longer makes no provisional candles: its shard is behind, and catches up
   * sooner.
   */
  BEHIND_MS: positiveMs.default(15_000),
  /**
   * A batch older than this is refused: its windows' rows may have expired. Below the time to live of
   * `windows`.
   */
  EXPIRY_MS: positiveMs.default(14 * DAY_MS),
  /** Most symbol rows of windows held in memory, about 1 KB each. */
  MAX_CACHED_ROWS: wholeNumber(1, 10_000_000).default(50_000),
  /** Most attempts at one conditional write before the event is given back with 503. */
  MAX_ATTEMPTS: wholeNumber(1, 100).default(10),
});

/** The configuration of the aggregate function. */
export type AggregateConfig = z.infer<typeof envSchema>;

/** Reads the configuration once, at start. @throws {FatalError} Naming every missing or malformed variable. */
export function readConfig(env: Env): AggregateConfig {
  return readEnv(envSchema, env);
}
