import { DEFAULT_PERIODS } from '@kandle/market/indicator/indicators';
import { parseSymbols, readSymbol } from '@kandle/market/event/symbol';
import { TOPICS } from '@kandle/market/event/topics';
import { CassandraEnv } from '@kandle/runtime/cassandra';
import {
  commaList,
  type Env,
  logLevel,
  port,
  positiveMs,
  readEnv,
  wholeNumber,
} from '@kandle/runtime/config';
import { KafkaEnv } from '@kandle/runtime/kafka';
import { z } from 'zod';

/** A consumer group, and the topic that it reads. */
export interface SourceGroup {
  readonly group: string;
  readonly topic: string;
}

function toSource(text: string): SourceGroup {
  const [group = '', topic = ''] = text.split('=');
  return { group, topic };
}

/** Every variable that the exporter takes, with its default. */
export const envSchema = z.object({
  ...KafkaEnv.shape,
  ...CassandraEnv.shape,
  LOG_LEVEL: logLevel.default('info'),
  HTTP_HOST: z.string().min(1).default('127.0.0.1'),
  HTTP_PORT: port.default(8080),
  /** How often the servers are asked, however often Prometheus scrapes. */
  COLLECT_INTERVAL_MS: positiveMs.default(15_000),
  /** How long a number is shown that could not be read again. */
  STALE_MS: positiveMs.default(120_000),
  /** The consumer groups of the KafkaSources begin with it. */
  GROUP_PREFIX: z.string().min(1).default('kandle-'),
  /** What the KafkaSources read, as `group=topic`: a group that has committed nothing is seen too. */
  SOURCES: commaList
    .refine((list) => list.every((one) => /^[^=]+=[^=]+$/.test(one)), 'expected group=topic')
    .transform((list) => list.map(toSource))
    .prefault(
      [
        `kandle-transform=${TOPICS.raw}`,
        `kandle-aggregate=${TOPICS.trades}`,
        `kandle-persist-trades=${TOPICS.raw}`,
        `kandle-persist-candles=${TOPICS.candles}`,
        `kandle-persist-signals=${TOPICS.signals}`,
        `kandle-persist-instruments=${TOPICS.instruments}`,
        `kandle-signal=${TOPICS.candles}`,
        `kandle-notify=${TOPICS.signals}`,
      ].join(','),
    ),
  DEAD_TOPIC: z.string().min(1).default(TOPICS.dead),
  REJECTS_TOPIC: z.string().min(1).default(TOPICS.rejects),
  /** Symbols that get a series of their own. Unset: the first `MAX_SYMBOLS` of each feed. */
  SYMBOLS: z
    .string()
    .transform((text) => parseSymbols(text).map(readSymbol))
    .refine(
      (list): list is string[] => list.every((symbol) => symbol !== null),
      'expected symbols as the feed spells them',
    )
    .optional(),
  /** Most symbols of a feed that get a series of their own; the rest share `symbol="other"`. */
  MAX_SYMBOLS: wholeNumber(0, 1_000).default(50),
  /** The periods of the indicators that are shown: the same as signal's. */
  SMA_PERIOD: wholeNumber(2, 200).default(DEFAULT_PERIODS.sma),
  EMA_PERIOD: wholeNumber(2, 200).default(DEFAULT_PERIODS.ema),
  RSI_PERIOD: wholeNumber(2, 200).default(DEFAULT_PERIODS.rsi),
});

/** The configuration of the exporter. */
export type ExporterConfig = z.infer<typeof envSchema>;

/** Reads the configuration once, at start. @throws {FatalError} Naming every missing or malformed variable. */
export function readConfig(env: Env): ExporterConfig {
  return readEnv(envSchema, env);
}
