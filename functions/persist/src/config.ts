import { CassandraEnv } from '@kandle/runtime/cassandra';
import { type Env, readEnv, wholeNumber } from '@kandle/runtime/config';
import { FunctionEnv } from '@kandle/runtime/function-server';
import { z } from 'zod';

/** Every variable that the function takes, with its default. */
export const envSchema = z.object({
  ...FunctionEnv.shape,
  ...CassandraEnv.shape,
  /** Most writes under way at once, over all events. */
  WRITE_CONCURRENCY: wholeNumber(1, 1_024).default(32),
  /** Most rows of one partition in one write; a trade row has about 120 bytes. */
  MAX_ROWS_PER_BATCH: wholeNumber(1, 1_000).default(200),
});

/** The configuration of the persist function. */
export type PersistConfig = z.infer<typeof envSchema>;

/** Reads the configuration once, at start. @throws {FatalError} Naming every missing or malformed variable. */
export function readConfig(env: Env): PersistConfig {
  return readEnv(envSchema, env);
}
