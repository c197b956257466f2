import { type Env, readEnv, requestBudgetMs, wholeNumber } from '@kandle/runtime/config';
import { FunctionEnv } from '@kandle/runtime/function-server';
import { z } from 'zod';

/** Every variable that the function takes, with its default. */
export const envSchema = z.object({
  ...FunctionEnv.shape,
  INFLUX_URL: z
    .url({ protocol: /^https?$/ })
    .refine((text) => new URL(text).password === '', 'a password belongs into INFLUX_TOKEN_FILE')
    .default('http://127.0.0.1:8086'),
  /** How it is written to: `/write` of 1.x, `/api/v2/write`, `/api/v3/write_lp`. */
  INFLUX_API: z.enum(['v1', 'v2', 'v3']).default('v2'),
  /** The database; of v2 the bucket. */
  INFLUX_DATABASE: z.string().min(1).default('kandle'),
  /** The organisation of v2, by name or id. */
  INFLUX_ORG: z.string().min(1).default('kandle'),
  /** A file with the token; of v1 with `user:password`. */
  INFLUX_TOKEN_FILE: z.string().min(1).optional(),
  /** Most points of one request. */
  MAX_POINTS: wholeNumber(1, 100_000).default(5_000),
  /** Longest wait for InfluxDB's answer to one request. */
  ANSWER_MS: requestBudgetMs(10_000),
});

/** The configuration of the function. */
export type SinkInfluxConfig = z.infer<typeof envSchema>;

/** Reads the configuration once, at start. @throws {FatalError} Naming every missing or malformed variable. */
export function readConfig(env: Env): SinkInfluxConfig {
  return readEnv(envSchema, env);
}
