import { FEED_NAME } from '@kandle/market/event/shard';
import { TOPICS } from '@kandle/market/event/topics';
import {
  commaList,
  type Env,
  logLevel,
  port,
  positiveMs,
  readEnv,
  wholeNumber,
} from '@kandle/runtime/config';
import { AvroEnv } from '@kandle/runtime/avro/avro-env';
import { KafkaEnv } from '@kandle/runtime/kafka';
import { z } from 'zod';
import type { ListName } from './read-list.ts';

const LIST_NAME = /^(stocks|crypto|forex)(?::(.{1,64}))?$/;

function toListName(text: string): ListName {
  const [, kind = '', exchange = null] = LIST_NAME.exec(text) ?? [];
  return { kind: z.enum(['stocks', 'crypto', 'forex']).parse(kind), exchange };
}

/** Every variable that instruments takes, with its default. */
export const envSchema = z.object({
  ...KafkaEnv.shape,
  ...AvroEnv.shape,
  LOG_LEVEL: logLevel.default('info'),
  /** The feed whose symbols these are, as ingest names it. */
  FEED: z.string().regex(FEED_NAME, 'expected the name of a feed').default('finnhub'),
  VENDOR: z.enum(['finnhub', 'twelvedata']).default('finnhub'),
  /** What is read: `stocks:US,crypto:BINANCE`; the exchange is spelled as the vendor spells it. */
  LISTS: commaList
    .refine(
      (list) => list.every((one) => LIST_NAME.test(one)),
      'expected stocks, crypto or forex, and :EXCHANGE',
    )
    .transform((list) => list.map(toListName))
    .prefault('stocks:US'),
  /** Stocks whose company's profile is read too (Finnhub), a request each: 1,000 take 18 minutes. */
  PROFILES: commaList.refine((list) => list.length <= 1_000, 'expected 1,000 symbols at most').default([]),
  /** Base of the vendor's REST interface; without it, the vendor's own. */
  API_URL: z.url().optional(),
  /** A file that holds the key. */
  API_KEY_FILE: z.string().min(1),
  /** How long one answer of the vendor may take. */
  ANSWER_MS: positiveMs.default(60_000),
  /** What the vendor's plan allows; without it, what its free one does. */
  REQUESTS_PER_MINUTE: wholeNumber(1, 60_000).optional(),
  /** How long it waits after the vendor said that there were too many requests. */
  LIMIT_PAUSE_MS: positiveMs.default(60_000),
  /** Take a list once that shrinks by more than 20 %. */
  ACCEPT_SHRINK: z.stringbool().default(false),
  /** What is told to Kafka: what has changed, everything once more, or nothing. */
  PUBLISH: z.enum(['changed', 'all', 'none']).default('changed'),
  INSTRUMENTS_TOPIC: z.string().min(1).default(TOPICS.instruments),
  /** Where instruments are kept without PostgreSQL. */
  SQLITE_FILE: z.string().min(1).default('.kandle/instruments.sqlite'),
  /** With it, instruments are kept in PostgreSQL. */
  POSTGRES_HOST: z.string().min(1).optional(),
  POSTGRES_PORT: port.default(5432),
  POSTGRES_DATABASE: z.string().min(1).default('kandle'),
  POSTGRES_USER: z.string().min(1).default('kandle'),
  POSTGRES_PASSWORD_FILE: z.string().min(1).optional(),
  POSTGRES_TLS_CA_FILE: z.string().min(1).optional(),
});

/** The configuration of instruments. */
export type InstrumentsConfig = z.infer<typeof envSchema>;

/** Reads the configuration once, at start. @throws {FatalError} Naming every missing or malformed variable. */
export function readConfig(env: Env): InstrumentsConfig {
  return readEnv(envSchema, env);
}
