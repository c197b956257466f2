import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { FEED_NAME } from '@kandle/market/event/shard';
import { formatSymbols, isSymbol } from '@kandle/market/event/symbol';
import { NdjsonMappingSchema } from '@kandle/market/feed/ndjson/mapping';
import type { Env } from '@kandle/runtime/config';
import { REPO_ROOT } from '@kandle/tooling/paths';
import { StartError } from '@kandle/tooling/start-error';
import { z } from 'zod';
import { checkFeeds } from './check-feeds.ts';

/** Where `npm start` looks for its feeds. */
export const FEEDS_FILE = join(REPO_ROOT, 'kandle.config.json');

const SECRETS: ReadonlySet<string> = new Set(['FINNHUB_TOKEN', 'TWELVEDATA_KEY']);

const symbols = z
  .array(z.string().refine(isSymbol, 'expected a symbol, 1 to 64 bytes of printable text'))
  .min(1);
const webSocket = z.url({
  protocol: /^wss?$/,
  error: 'expected an address that begins with ws:// or wss://',
});
const common = {
  /** Of the feed: its shards and series begin with it. */
  name: z.string().regex(FEED_NAME, 'expected lower case letters, digits and hyphens'),
  /** What else ingest is told, by the names of its variables: `SILENCE_MS`, for example. */
  settings: z
    .record(z.string(), z.string())
    .superRefine((given, context) => {
      for (const name of Object.keys(given).filter((one) => SECRETS.has(one))) {
        const message = 'a key stands in the environment or in .env, never in this file';
        context.addIssue({ code: 'custom', path: [name], message });
      }
    })
    .default({}),
};

const FeedSchema = z.discriminatedUnion('vendor', [
  z.strictObject({
    ...common,
    vendor: z.literal('finnhub'),
    symbols,
    news: z.boolean().default(false),
    url: webSocket.optional(),
  }),
  z.strictObject({ ...common, vendor: z.literal('twelvedata'), symbols, url: webSocket.optional() }),
  z.strictObject({ ...common, vendor: z.literal('yahoo'), symbols, url: webSocket.optional() }),
  z.strictObject({
    ...common,
    vendor: z.literal('yahoo-poll'),
    symbols,
    url: z.url({ protocol: /^https?$/, error: 'expected an address that begins with https://' }).optional(),
  }),
  z.strictObject({
    ...common,
    vendor: z.literal('ndjson'),
    url: z.url({
      protocol: /^((tcp|tls)(-listen)?|kafka)$/,
      error: 'expected an address that begins with tcp://, tls://, tcp-listen://, tls-listen:// or kafka://',
    }),
    mapping: z.union([z.enum(['bars', 'trades']), NdjsonMappingSchema]).default('bars'),
    symbols: z.undefined().optional(),
  }),
]);

const FeedsFileSchema = z
  .strictObject({ $schema: z.string().optional(), feeds: z.array(FeedSchema).min(1).max(20) })
  .refine(
    ({ feeds }) => new Set(feeds.map(({ name }) => name)).size === feeds.length,
    'two feeds have the same name: their series would mix',
  );

/** The feeds that a configuration file names. */
export type FeedsFile = z.infer<typeof FeedsFileSchema>;

/** One of them. */
export type ConfiguredFeed = FeedsFile['feeds'][number];

/** Secrets that a feed's vendor asks for: they stand in the environment or in `.env`, never in the file. */
const KEYS: Readonly<Record<ConfiguredFeed['vendor'], string | null>> = {
  finnhub: 'FINNHUB_TOKEN',
  twelvedata: 'TWELVEDATA_KEY',
  yahoo: null,
  'yahoo-poll': null,
  ndjson: null,
};

/**
 * Reads a file of feeds; null if there is none.
 *
 * @throws {StartError} Naming each key that is wrong, by its path.
 */
export function readFeedsFile(path: string): FeedsFile | null {
  if (!existsSync(path)) return null;
  const name = basename(path);
  let read: unknown;
  try {
    read = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw new StartError(`${name}: it is no JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  const parsed = FeedsFileSchema.safeParse(read);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map(({ path: at, message }) => {
    const place = at.length === 0 ? '' : `${at.join('.')}: `;
    return `${name}: ${place}${message}`;
  });
  throw new StartError(faults.join('\n'));
}

/**
 * The variables of ingest for a feed: what the file says, and the key from the environment.
 *
 * @throws {StartError} If the vendor asks for a key, and there is none.
 */
function envOfFeed(feed: ConfiguredFeed, env: Env): Readonly<Record<string, string>> {
  const { name, vendor, settings, url } = feed;
  return {
    ...settings,
    ...keyOf(feed, env),
    FEED: name,
    VENDOR: vendor,
    ...(url === undefined ? {} : { FEED_URL: url }),
    // Empty counts as absent: the manifest names symbols, and this feed may be asked for none.
    SYMBOLS: formatSymbols(feed.symbols ?? []),
    ...(feed.vendor === 'finnhub' && feed.news ? { NEWS: 'true' } : {}),
    ...(feed.vendor === 'ndjson'
      ? { NDJSON_MAPPING: typeof feed.mapping === 'string' ? feed.mapping : JSON.stringify(feed.mapping) }
      : {}),
  };
}

/**
 * The variables of ingest for each feed of a file.
 *
 * @throws {StartError} If a key is missing, or ingest would not start with what the file says.
 */
export async function envsOfFeeds(
  { feeds }: FeedsFile,
  env: Env,
): Promise<readonly Readonly<Record<string, string>>[]> {
  const envs = feeds.map((feed) => envOfFeed(feed, env));
  await checkFeeds(
    feeds.map(({ settings }, place) => ({
      place: `${basename(FEEDS_FILE)}: feeds.${place}`,
      settings: Object.keys(settings),
      env: envs[place] ?? {},
    })),
  );
  return envs;
}

function keyOf({ name, vendor }: ConfiguredFeed, env: Env): Readonly<Record<string, string>> {
  const key = KEYS[vendor];
  if (key === null) return {};
  for (const variable of [key, `${key}_FILE`]) {
    const value = env[variable] ?? '';
    if (value !== '') return { [variable]: value };
  }
  throw new StartError(
    `The feed ${name} of ${basename(FEEDS_FILE)} needs a key: set ${key} or ${key}_FILE, in the environment or in .env`,
  );
}
