import { FEED_NAME } from '@kandle/market/event/shard';
import { TOPICS } from '@kandle/market/event/topics';
import { VENDORS } from '@kandle/market/feed/vendor';
import { AvroEnv } from '@kandle/runtime/avro/avro-env';
import { type Env, logLevel, positiveMs, readEnv, wholeNumber } from '@kandle/runtime/config';
import { KafkaEnv } from '@kandle/runtime/kafka';
import { z } from 'zod';

const name = z.string().min(1);

/** Every variable that a backfill takes, with its default. */
export const envSchema = z.object({
  ...KafkaEnv.shape,
  ...AvroEnv.shape,
  LOG_LEVEL: logLevel.default('error'),
  RAW_TOPIC: name.default(TOPICS.raw),
  REDRIVEN_TOPIC: name.default(TOPICS.redriven),
  /** The feed whose gaps are looked at, and whose vendor is asked, as ingest has them. */
  FEED: z.string().regex(FEED_NAME, 'expected the name of a feed').default('finnhub'),
  VENDOR: z.enum(VENDORS).default('finnhub'),
  /** As ingest has it. */
  SHARD_COUNT: wholeNumber(1, 100).default(4),
  /** As transform has it: how far behind its batch's watermark a trade may be and still count. */
  HORIZON_MS: positiveMs.default(900_000),
  /** Most trades of the gaps that are held: those that are counted, and those of a recording. */
  MAX_TRADES: wholeNumber(1, 100_000_000).default(2_000_000),
  /** Base of the vendor's REST interface; without it, the vendor's own. */
  API_URL: z.url().optional(),
  /** The vendor's key, or a file that holds it. */
  FINNHUB_TOKEN: name.optional(),
  FINNHUB_TOKEN_FILE: name.optional(),
  /** How long one answer of the vendor may take. */
  ANSWER_MS: positiveMs.default(60_000),
  /** What the vendor's plan allows. */
  REQUESTS_PER_MINUTE: wholeNumber(1, 60_000).default(60),
  /** How long it waits after the vendor said that there were too many requests. */
  LIMIT_PAUSE_MS: positiveMs.default(60_000),
});

/** The configuration of a backfill. */
export type BackfillConfig = z.infer<typeof envSchema>;

/** Reads the configuration once, at start. @throws {FatalError} Naming every missing or malformed variable. */
export function readConfig(env: Env): BackfillConfig {
  return readEnv(envSchema, env);
}
