import { type Env, readEnv, requestBudgetMs, wholeNumber } from '@kandle/runtime/config';
import { FunctionEnv } from '@kandle/runtime/function-server';
import { z } from 'zod';

/** Every variable that the function takes, with its default. */
export const envSchema = z.object({
  ...FunctionEnv.shape,
  /** `redis:` or, for TLS, `rediss:`; the number of a database may follow. A password stands in a file. */
  REDIS_URL: z
    .url({ protocol: /^rediss?$/ })
    .refine((text) => new URL(text).password === '', 'a password belongs into REDIS_PASSWORD_FILE')
    .default('redis://127.0.0.1:6379'),
  REDIS_USERNAME: z.string().min(1).optional(),
  REDIS_PASSWORD_FILE: z.string().min(1).optional(),
  /** The authority of the server's certificate; without it the system's count. */
  REDIS_TLS_CA_FILE: z.string().min(1).optional(),
  /** What every key begins with. */
  KEY_PREFIX: z
    .string()
    .regex(/^[\w.-]{1,40}$/, 'expected letters, digits and . _ -')
    .default('kandle'),
  /** Most records of a feed's stream; beyond it the oldest go, read or not. */
  MAX_RECORDS: wholeNumber(1, 10_000_000).default(100_000),
  /** Longest wait of an event for a connection, and then for the answer. */
  ANSWER_MS: requestBudgetMs(5_000),
});

/** The configuration of the function. */
export type SinkRedisConfig = z.infer<typeof envSchema>;

/** Reads the configuration once, at start. @throws {FatalError} Naming every missing or malformed variable. */
export function readConfig(env: Env): SinkRedisConfig {
  return readEnv(envSchema, env);
}
