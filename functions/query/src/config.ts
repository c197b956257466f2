import { CassandraEnv } from '@kandle/runtime/cassandra';
import { type Env, logLevel, port, positiveMs, readEnv, wholeNumber } from '@kandle/runtime/config';
import { z } from 'zod';

/** Every variable that the query function takes, with its default. */
export const envSchema = z.object({
  ...CassandraEnv.shape,
  LOG_LEVEL: logLevel.default('info'),
  PORT: port.default(8080),
  /** Answer on this address only; in a container all of them. */
  HTTP_HOST: z.string().min(1).default('127.0.0.1'),
  /** How long running requests may take to end after SIGTERM. */
  DRAIN_MS: positiveMs.default(20_000),
  /** Most requests under way at once; what comes beyond is answered 429. */
  MAX_IN_FLIGHT: wholeNumber(1, 10_000).default(32),
});

/** The configuration of the query function. */
export type QueryConfig = z.infer<typeof envSchema>;

/** Reads the configuration once, at start. @throws {FatalError} Naming every missing or malformed variable. */
export function readConfig(env: Env): QueryConfig {
  return readEnv(envSchema, env);
}
