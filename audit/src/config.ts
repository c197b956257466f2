import { TOPICS } from '@kandle/market/event/topics';
import { AvroEnv } from '@kandle/runtime/avro/avro-env';
import { CassandraEnv } from '@kandle/runtime/cassandra';
import { type Env, logLevel, positiveMs, readEnv } from '@kandle/runtime/config';
import { KafkaEnv } from '@kandle/runtime/kafka';
import { z } from 'zod';

const name = z.string().min(1);

/** Every variable that the audit takes, with its default; the same as those of the functions that it judges. */
export const envSchema = z.object({
  ...KafkaEnv.shape,
  ...CassandraEnv.shape,
  ...AvroEnv.shape,
  LOG_LEVEL: logLevel.default('warn'),
  RAW_TOPIC: name.default(TOPICS.raw),
  TRADES_TOPIC: name.default(TOPICS.trades),
  CANDLES_TOPIC: name.default(TOPICS.candles),
  REJECTS_TOPIC: name.default(TOPICS.rejects),
  DEAD_TOPIC: name.default(TOPICS.dead),
  REDRIVEN_TOPIC: name.default(TOPICS.redriven),
  /** Consumer groups of the KafkaSources: what they have not taken yet is not judged. */
  TRANSFORM_GROUP: name.default('kandle-transform'),
  AGGREGATE_GROUP: name.default('kandle-aggregate'),
  PERSIST_TRADES_GROUP: name.default('kandle-persist-trades'),
  PERSIST_CANDLES_GROUP: name.default('kandle-persist-candles'),
  /** As transform has it: how far behind its batch's watermark a trade may be and still count. */
  HORIZON_MS: positiveMs.default(900_000),
  /** As aggregate has it: how long after its end, by the watermark, a window stays open. */
  GRACE_MS: positiveMs.default(2_000),
});

/** The configuration of the audit. */
export type AuditConfig = z.infer<typeof envSchema>;

/** Reads the configuration once, at start. @throws {FatalError} Naming every missing or malformed variable. */
export function readConfig(env: Env): AuditConfig {
  return readEnv(envSchema, env);
}
