import { FEED_NAME } from '@kandle/market/event/shard';
import { parseSymbols } from '@kandle/market/event/symbol';
import { TOPICS } from '@kandle/market/event/topics';
import {
  GENERATED_BARS,
  GENERATED_TRADES,
  type NdjsonMapping,
  NdjsonMappingSchema,
} from '@kandle/market/feed/ndjson/mapping';
import { readMarketHours } from '@kandle/market/feed/market-hours';
import { VENDORS } from '@kandle/market/feed/vendor';
import { type CountingRules, CountingRulesSchema } from '@kandle/market/trade/counting-rules';
import { AvroEnv } from '@kandle/runtime/avro/avro-env';
import { type Env, logLevel, port, positiveMs, readEnv, wholeNumber } from '@kandle/runtime/config';
import { FatalError } from '@kandle/runtime/errors';
import { KafkaEnv } from '@kandle/runtime/kafka';
import { createSecretFile } from '@kandle/runtime/secret';
import { z } from 'zod';
import { TOPIC_SCHEME, VENDOR_FACTS, type VendorFacts } from './feed/vendors.ts';

const PRESETS: Readonly<Record<string, NdjsonMapping>> = { bars: GENERATED_BARS, trades: GENERATED_TRADES };

/** `bars` or `trades`, what `npm run generate` sends; or the rules themselves as JSON. */
const ndjsonMapping = z.string().transform((text, context): NdjsonMapping => {
  const preset = PRESETS[text];
  if (preset !== undefined) return preset;
  const parsed = NdjsonMappingSchema.safeParse(jsonOf(text));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const at = issue === undefined || issue.path.length === 0 ? '' : `${issue.path.join('.')}: `;
  context.addIssue({ code: 'custom', message: `${at}${issue?.message ?? 'expected rules'}` });
  return z.NEVER;
});

/** The name of rules, or the rules themselves as JSON. */
const countingRules = z.string().transform((text, context): CountingRules => {
  const parsed = CountingRulesSchema.safeParse(jsonOf(text) ?? text);
  if (parsed.success) return parsed.data;
  context.addIssue({
    code: 'custom',
    message: 'expected all, us-tape, or JSON such as {"highLow":["9"],"volume":["12"],"nothing":["16"]}',
  });
  return z.NEVER;
});

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const replaySpeed = z
  .string()
  .regex(/^(max|\d{1,6}(\.\d{1,6})?)$/, 'expected a number above 0, or max')
  .transform((text) => (text === 'max' ? Number.POSITIVE_INFINITY : Number(text)))
  .refine((speed) => speed > 0, 'expected a number above 0, or max');

const TOPIC_PATH = /^\/[A-Za-z0-9._-]{1,249}$/;
const REPLAY_FACTS: Pick<VendorFacts, 'keyName' | 'schemes'> = { keyName: null, schemes: ['ws:'] };

/** Every variable that the function takes, with its default. */
export const envSchema = z
  .object({
    ...KafkaEnv.shape,
    ...AvroEnv.shape,
    LOG_LEVEL: logLevel.default('info'),
    /** Where the status server listens. */
    HTTP_HOST: z.string().min(1).default('127.0.0.1'),
    HTTP_PORT: port.default(8080),
    RAW_TOPIC: z.string().min(1).default(TOPICS.raw),
    REJECTS_TOPIC: z.string().min(1).default(TOPICS.rejects),
    FEED: z.string().regex(FEED_NAME, 'expected lower case letters, digits and hyphens').default('finnhub'),
    /** Whose protocol the feed speaks. */
    VENDOR: z.enum(VENDORS).default('finnhub'),
    /** Where the feed is; by default, where its vendor has it. */
    FEED_URL: z.string().refine(URL.canParse, 'expected an address such as wss://…').optional(),
    FINNHUB_TOKEN: z.string().optional(),
    FINNHUB_TOKEN_FILE: z.string().optional(),
    TWELVEDATA_KEY: z.string().optional(),
    TWELVEDATA_KEY_FILE: z.string().optional(),
    /** `yahoo-poll`: what is asked for, and how long to wait from one round of questions to the next. */
    POLL_BY: z.enum(['quotes', 'charts']).default('quotes'),
    POLL_MS: positiveMs.default(15_000),
    /**
     * `yahoo-poll`: the longest first pause after "too many requests"; twice as long each time, up to eight
     * times.
     */
    PAUSE_MS: positiveMs.default(240_000),
    /** `yahoo-poll`: any answer from here sets the cookie that a crumb belongs to. */
    YAHOO_COOKIE_URL: z.url({ protocol: /^https?$/ }).default('https://fc.yahoo.com'),
    /** How the lines of a feed of JSON lines are read: `bars`, `trades`, or rules as JSON. */
    NDJSON_MAPPING: ndjsonMapping.default(GENERATED_BARS),
    /** `kafka:`: the Avro schema (.avsc) by which every record of the topic is written. */
    TOPIC_SCHEMA_FILE: z.string().min(1).optional(),
    /** `kafka:`: where to begin in a topic of which nothing was taken yet. */
    TOPIC_FROM: z.enum(['end', 'beginning']).default('end'),
    /** Longest line of a feed of JSON lines, bytes. */
    MAX_LINE_BYTES: wholeNumber(256, 16_777_216).default(65_536),
    /** Connections that a listening feed takes at a time. */
    MAX_CONNECTIONS: wholeNumber(1, 10_000).default(100),
    /** PEM files: whom a `tls:` feed must be signed by, and what a `tls-listen:` feed shows. */
    TLS_CA_FILE: z.string().min(1).optional(),
    TLS_CERT_FILE: z.string().min(1).optional(),
    TLS_KEY_FILE: z.string().min(1).optional(),
    /** Symbols as the feed spells them. What is none is left out, and named in `/status`. */
    SYMBOLS: z
      .string()
      .transform(parseSymbols)
      .refine((list) => list.length > 0, 'expected at least one value')
      .optional(),
    /**
     * A file with a symbol on each line, instead of SYMBOLS: for thousands of them, which no environment takes.
     */
    SYMBOLS_FILE: z.string().min(1).optional(),
    /** Subscribe to news too: of Finnhub's plans only the premium ones have them. */
    NEWS: z.stringbool().default(false),
    /** Subscribe to order books too: only the simulated market has them. */
    BOOKS: z.stringbool().default(false),
    /**
     * Shortest time between two batches of books or news: of a symbol's books in between, the newest is sent.
     */
    BOOKS_AND_NEWS_MS: positiveMs.default(250),
    /** The feed sends whole frames more than once, back to back: the copies are dropped. */
    DROP_REPEATED_FRAMES: z.stringbool().default(false),
    /**
     * What the conditions of trades leave them to count for: `us-tape`, `all` for no difference, or lists of
     * codes as JSON, `highLow`, `volume` and `nothing`; by default, as the vendor has it.
     */
    COUNTING_RULES: countingRules.optional(),
    SHARD_COUNT: wholeNumber(1, 100).default(4),
    LINGER_MS: positiveMs.default(50),
    /**
     * Shortest time from a shard's batch to its next one that is not full. Longer than the 200 ms on which an
     * ordered source polls, so that no batch finds the one before it in its way.
     */
    SPACING_MS: positiveMs.default(250),
    /** Longest frame that is taken; vendors send up to a few MB. A longer one is passed over, with a gap. */
    MAX_FRAME_BYTES: wholeNumber(65_536, 67_108_864).default(8_388_608),
    MAX_TRADES: wholeNumber(1, 10_000).default(1_000),
    MAX_BATCH_BYTES: wholeNumber(1_024, 524_288).default(131_072),
    /** How far behind the newest event time entries still come in order; by default, as the vendor has it. */
    DISORDER_MS: positiveMs.optional(),
    GRACE_MS: positiveMs.default(2_000),
    /** How far from the clock or the feed's own time an event time is believed at once. */
    AHEAD_MS: positiveMs.default(5_000),
    /** How far behind the watermark a trade counts; the same as transform's. */
    HORIZON_MS: positiveMs.default(900_000),
    MEMORY_MS: positiveMs.default(900_000),
    BUFFER_MAX_RECORDS: wholeNumber(1, 100_000_000).default(200_000),
    BUFFER_MAX_BYTES: wholeNumber(1_024, 4_294_967_296).default(67_108_864),
    SILENCE_MS: positiveMs.default(150_000),
    /** No data for so long on a line that is alive, while a market is open: the connection is replaced. */
    MUTE_MS: positiveMs.default(300_000),
    /** When markets are open: by the symbols' names, or `always`, `never`, or a week. */
    MARKET_HOURS: z
      .string()
      .refine(
        (text) => text === 'auto' || readMarketHours(text) !== null,
        'expected auto, always, never, or a week such as Mon-Fri 08:00-16:30 Europe/London',
      )
      .default('auto'),
    RECONNECT_MIN_MS: positiveMs.default(500),
    RECONNECT_MAX_MS: positiveMs.default(30_000),
    STABLE_MS: positiveMs.default(30_000),
    /** Unset: a live feed. Times the recorded speed at which the feed plays, or `max`. */
    REPLAY_SPEED: replaySpeed.optional(),
  })
  .refine(
    (env) => env.VENDOR === 'ndjson' || (env.SYMBOLS === undefined) !== (env.SYMBOLS_FILE === undefined),
    'set either SYMBOLS or SYMBOLS_FILE',
  )
  .superRefine((env, context) => {
    // A recording of any vendor is played over a WebSocket, and needs no key.
    const isReplay = env.REPLAY_SPEED !== undefined && env.VENDOR !== 'finnhub';
    const { url, ...facts } = VENDOR_FACTS[env.VENDOR];
    const { keyName, schemes } = isReplay ? REPLAY_FACTS : facts;
    const say = (message: string): void => context.addIssue({ code: 'custom', message });
    if (keyName !== null && (env[keyName] === undefined) === (env[`${keyName}_FILE`] === undefined))
      say(`set either ${keyName} or ${keyName}_FILE`);
    const address = env.FEED_URL ?? url;
    if (address === null || !schemes.includes(new URL(address).protocol))
      say(`FEED_URL: expected an address that begins with ${schemes.map((one) => `${one}//`).join(' or ')}`);
    if (env.FEED_URL?.startsWith(TOPIC_SCHEME) === true && !TOPIC_PATH.test(new URL(env.FEED_URL).pathname))
      say('FEED_URL: expected kafka:///TOPIC, or kafka://HOST:PORT/TOPIC');
    if (env.FEED_URL?.startsWith('tls-listen:') === true && !(env.TLS_CERT_FILE && env.TLS_KEY_FILE))
      say('set TLS_CERT_FILE and TLS_KEY_FILE: a feed that listens by TLS shows a certificate');
  })
  .refine(
    (env) => env.MEMORY_MS >= env.HORIZON_MS,
    'MEMORY_MS is below HORIZON_MS: a trade delivered again in between would count twice',
  )
  .refine(
    (env) => env.RECONNECT_MIN_MS <= env.RECONNECT_MAX_MS,
    'RECONNECT_MIN_MS is above RECONNECT_MAX_MS',
  );

/** With what the vendor's facts say where nothing else is said. */
const configSchema = envSchema.transform(({ FEED_URL, DISORDER_MS, ...env }) => {
  const { url, disorderMs, isPolled } = VENDOR_FACTS[env.VENDOR];
  // Between two questions each symbol moves on, and is told of in the second: up to so much behind another one.
  const told = disorderMs + (isPolled ? env.POLL_MS : 0);
  return { ...env, FEED_URL: FEED_URL ?? url ?? '', DISORDER_MS: DISORDER_MS ?? told };
});

/** The configuration of ingest, without the feed's key: that one is {@link createKey}'s. */
export type IngestConfig = z.infer<typeof configSchema>;

/** Reads the configuration once, at start. @throws {FatalError} Naming every missing or malformed variable. */
export function readConfig(env: Env): IngestConfig {
  return readEnv(configSchema, env);
}

/**
 * The key of the vendor, from its variable or its file, which each call reads again: a key that was changed is
 * used from the next connection on. While there is none in the file, the last one stays.
 *
 * @throws {FatalError} At once, if there is none.
 */
export function createKey(config: IngestConfig): () => string {
  const { keyName } = VENDOR_FACTS[config.VENDOR];
  if (keyName === null) return () => '';
  const file = config[`${keyName}_FILE`];
  const read = file === undefined ? () => config[keyName] ?? '' : createSecretFile(file, `${keyName}_FILE`);
  let key = read().trim();
  if (key === '') throw new FatalError(`Cannot start: the file of ${keyName}_FILE holds no key`);
  return () => {
    key = read().trim() || key;
    return key;
  };
}
