import { CassandraEnv } from '@kandle/runtime/cassandra';
import { type Env, positiveMs, readEnv, requestBudgetMs, wholeNumber } from '@kandle/runtime/config';
import { FunctionEnv } from '@kandle/runtime/function-server';
import { z } from 'zod';

const DAY_MS = 86_400_000;

/** Every variable that it takes, with its default. */
export const envSchema = z
  .object({
    ...FunctionEnv.shape,
    ...CassandraEnv.shape,
    /** The targets, as YAML or JSON. A file that does not exist means none, and is warned of at start. */
    TARGETS_FILE: z.string().min(1).optional(),
    /** Where Knative's SinkBinding wants events sent. */
    K_SINK: z.string().min(1).optional(),
    /** What the SinkBinding adds to them: `{"extensions": {…}}`. */
    K_CE_OVERRIDES: z.string().min(1).optional(),
    /** Longest wait for one answer of a target. */
    ANSWER_MS: positiveMs.default(10_000),
    /** How long an event may take with all its tries; below the service's `timeoutSeconds`. */
    BUDGET_MS: requestBudgetMs(40_000),
    /** First pause between two tries; it doubles, and half of it is chance. */
    BACK_OFF_MS: positiveMs.default(500),
    /** Most tries at one target within one event's time. */
    MAX_TRIES: wholeNumber(1, 20).default(4),
    /** Most signals of one event that are announced at once. */
    CONCURRENCY: wholeNumber(1, 64).default(8),
    /** An older event is refused: its record may have expired. Below the time to live of `notifications`. */
    EXPIRY_MS: positiveMs.default(14 * DAY_MS),
  })
  .refine((env) => env.ANSWER_MS <= env.BUDGET_MS, 'ANSWER_MS is above BUDGET_MS');

/** The configuration of the notify function. */
export type NotifyConfig = z.infer<typeof envSchema>;

/** Reads the configuration once, at start. @throws {FatalError} Naming every missing or malformed variable. */
export function readConfig(env: Env): NotifyConfig {
  return readEnv(envSchema, env);
}
