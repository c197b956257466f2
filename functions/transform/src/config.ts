import { TOPICS } from '@kandle/market/event/topics';
import { type Env, positiveMs, readEnv } from '@kandle/runtime/config';
import { FunctionEnv } from '@kandle/runtime/function-server';
import { KafkaEnv } from '@kandle/runtime/kafka';
import { z } from 'zod';

/** Every variable that the function takes, with its default. */
export const envSchema = z.object({
  ...FunctionEnv.shape,
  ...KafkaEnv.shape,
  TRADES_TOPIC: z.string().min(1).default(TOPICS.trades),
  REJECTS_TOPIC: z.string().min(1).default(TOPICS.rejects),
  /** How far behind its batch's watermark a trade may be and still count. */
  HORIZON_MS: positiveMs.default(900_000),
});

/** The configuration of the transform function. */
export type TransformConfig = z.infer<typeof envSchema>;

/** Reads the configuration once, at start. @throws {FatalError} Naming every missing or malformed variable. */
export function readConfig(env: Env): TransformConfig {
  return readEnv(envSchema, env);
}
