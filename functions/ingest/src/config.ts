import { FEED_NAME } from '@kandle/market/event/shard';
import { parseSymbols } from '@kandle/market/event/symbol';
import { TOPICS } from '@kandle/market/event/topics';
import { FORMAT_NAMES } from '@kandle/market/feed/format-name';
import { type Env, logLevel, port, positiveMs, readEnv, wholeNumber } from '@kandle/runtime/config';
import { FatalError } from '@kandle/runtime/errors';
import { KafkaEnv } from '@kandle/runtime/kafka';
import { readSecret } from '@kandle/runtime/secret';
import { z } from 'zod';

const webSocketUrl = z
  .string()
  .refine(
    (text) => URL.canParse(text) && /^wss?:$/.test(new URL(text).protocol),
    'expected an address that begins with ws:// or wss://',
  );

const replaySpeed = z
  .string()
  .regex(/^(max|\d{1,6}(\.\d{1,6})?)$/, 'expected a number above 0, or max')
  .transform((text) => (text === 'max' ? Number.POSITIVE_INFINITY : Number(text)))
  .refine((speed) => speed > 0, 'expected a number above 0, or max');

/** Every variable that the function takes, with its default. */
export const envSchema = z
  .object({
    ...KafkaEnv.shape,
    LOG_LEVEL: logLevel.default('info'),
    /** Where the status server listens. */
    HTTP_HOST: z.string().min(1).default('127.0.0.1'),
    HTTP_PORT: port.default(8080),
    RAW_TOPIC: z.string().min(1).default(TOPICS.raw),
    REJECTS_TOPIC: z.string().min(1).default(TOPICS.rejects),
    FEED: z.string().regex(FEED_NAME, 'expected lower case letters, digits and hyphens').default('finnhub'),
    /** Whose protocol the feed speaks. */
    VENDOR: z.enum(FORMAT_NAMES).default('finnhub'),
    FEED_URL: webSocketUrl.default('wss://ws.finnhub.io'),
    FINNHUB_TOKEN: z.string().optional(),
    FINNHUB_TOKEN_FILE: z.string().optional(),
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
    SHARD_COUNT: wholeNumber(1, 100).default(12),
    LINGER_MS: positiveMs.default(50),
    /**
     * Shortest time from a shard's batch to its next one that is not full. Longer than the 200 ms on which an
     * ordered source polls, so that no batch finds the one before it in its way.
     */
    SPACING_MS: positiveMs.default(250),
    /** Longest frame that is taken; vendors send up to a few MB. A longer one is passed over, with a gap. */
    MAX_FRAME_BYTES: wholeNumber(65_536, 67_108_864).default(8_388_608),
    MAX_TRADES: wholeNumber(1, 10_000).default(400),
    MAX_BATCH_BYTES: wholeNumber(1_024, 524_288).default(65_536),
    DISORDER_MS: positiveMs.default(1_000),
    GRACE_MS: positiveMs.default(2_000),
    /** How far from the clock or the feed's own time an event time is believed at once. */
    AHEAD_MS: positiveMs.default(5_000),
    /** How far behind the watermark a trade counts; the same as transform's. */
    HORIZON_MS: positiveMs.default(900_000),
    MEMORY_MS: positiveMs.default(900_000),
    BUFFER_MAX_RECORDS: wholeNumber(1, 100_000_000).default(200_000),
    BUFFER_MAX_BYTES: wholeNumber(1_024, 4_294_967_296).default(67_108_864),
    SILENCE_MS: positiveMs.default(150_000),
    RECONNECT_MIN_MS: positiveMs.default(500),
    RECONNECT_MAX_MS: positiveMs.default(30_000),
    STABLE_MS: positiveMs.default(30_000),
    /** Unset: a live feed. Times the recorded speed at which the feed plays, or `max`. */
    REPLAY_SPEED: replaySpeed.optional(),
  })
  .refine(
    (env) => (env.SYMBOLS === undefined) !== (env.SYMBOLS_FILE === undefined),
    'set either SYMBOLS or SYMBOLS_FILE',
  )
  .refine(
    (env) => (env.FINNHUB_TOKEN === undefined) !== (env.FINNHUB_TOKEN_FILE === undefined),
    'set either FINNHUB_TOKEN or FINNHUB_TOKEN_FILE',
  )
  .refine(
    (env) => env.MEMORY_MS >= env.HORIZON_MS,
    'MEMORY_MS is below HORIZON_MS: a trade delivered again in between would count twice',
  )
  .refine(
    (env) => env.RECONNECT_MIN_MS <= env.RECONNECT_MAX_MS,
    'RECONNECT_MIN_MS is above RECONNECT_MAX_MS',
  );

/** The configuration of ingest, without the feed's key: that one is {@link readToken}'s. */
export type IngestConfig = z.infer<typeof envSchema>;

/** Reads the configuration once, at start. @throws {FatalError} Naming every missing or malformed variable. */
export function readConfig(env: Env): IngestConfig {
  return readEnv(envSchema, env);
}

/** The feed's key, from its variable or its file. @throws {FatalError} If there is none. */
export function readToken({ FINNHUB_TOKEN, FINNHUB_TOKEN_FILE }: IngestConfig): string {
  const token =
    FINNHUB_TOKEN_FILE === undefined
      ? (FINNHUB_TOKEN ?? '')
      : readSecret(FINNHUB_TOKEN_FILE, 'FINNHUB_TOKEN_FILE').trim();
  if (token === '') throw new FatalError('Cannot start: the file of FINNHUB_TOKEN_FILE holds no key');
  return token;
}
