import { TOPICS } from '@kandle/market/event/topics';
import { CassandraEnv } from '@kandle/runtime/cassandra';
import { type Env, logLevel, port, readEnv, requestBudgetMs, wholeNumber } from '@kandle/runtime/config';
import { AvroEnv } from '@kandle/runtime/avro/avro-env';
import { KafkaEnv } from '@kandle/runtime/kafka';
import { z } from 'zod';

/** Every variable that the query function takes, with its default. */
export const envSchema = z.object({
  ...CassandraEnv.shape,
  ...KafkaEnv.shape,
  ...AvroEnv.shape,
  LOG_LEVEL: logLevel.default('info'),
  PORT: port.default(8080),
  /** Answer on this address only; in a container all of them. */
  HTTP_HOST: z.string().min(1).default('127.0.0.1'),
  /** How long running requests may take to end after SIGTERM. */
  DRAIN_MS: requestBudgetMs(20_000),
  /** Most requests under way at once, open streams among them; what comes beyond is answered 429. */
  MAX_IN_FLIGHT: wholeNumber(1, 10_000).default(250),
  /** Most of them that read the database: each holds up to 10,000 rows. */
  MAX_QUESTIONS: wholeNumber(1, 1_000).default(32),
  CANDLES_TOPIC: z.string().min(1).default(TOPICS.candles),
  SIGNALS_TOPIC: z.string().min(1).default(TOPICS.signals),
  /** Serve the console's page. */
  CONSOLE: z.stringbool().default(true),
  /** The page; without it, `console.json` beside the program, where `npm run build` puts it. */
  CONSOLE_FILE: z.string().min(1).optional(),
  /** Read for what was refused of a candle. */
  REJECTS_TOPIC: z.string().min(1).default(TOPICS.rejects),
  /** Most open streams; what comes beyond is answered 429. */
  MAX_STREAMS: wholeNumber(1, 10_000).default(200),
  /**
   * How long a stream lives before it ends itself: less than `timeoutSeconds` of the manifest, which would cut
   * it.
   */
  STREAM_LIFE_MS: requestBudgetMs(280_000),
});

/** The configuration of the query function. */
export type QueryConfig = z.infer<typeof envSchema>;

/** Reads the configuration once, at start. @throws {FatalError} Naming every missing or malformed variable. */
export function readConfig(env: Env): QueryConfig {
  return readEnv(envSchema, env);
}
