import { z } from 'zod';
import { WINDOW_MS } from '../../window/window.ts';

/** Names of a value within a record: `last.price` is `price` in the object `last`. */
const path = z
  .string()
  .regex(/^[^.]{1,64}(\.[^.]{1,64}){0,7}$/, 'expected the name of a field, such as price or last.price');
const time = z.strictObject({
  name: path,
  /** ISO 8601 with an offset, or numbers since 1970. */
  unit: z.enum(['iso', 's', 'ms', 'us', 'ns']),
});
const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()]);

/** Which records a rule is for, and where in them its entries are. */
const choice = {
  /** The values of fields by which a record is known; none for every record. */
  when: z.record(path, scalar).default({}),
  /** The list in a record that holds the entries; none if the record is one. */
  each: path.optional(),
};

const tradeRule = z.strictObject({
  ...choice,
  kind: z.literal('trade'),
  symbol: path,
  price: path,
  size: path,
  time,
  /** The trade's own id, if the feed has one: then a repeat is known wherever it comes from. */
  id: path.optional(),
});

const sampleRule = z.strictObject({
  ...choice,
  kind: z.literal('sample'),
  symbol: path,
  price: path,
  time,
  dayVolume: path.optional(),
});

const barRule = z.strictObject({
  ...choice,
  kind: z.literal('bar'),
  symbol: path,
  open: path,
  high: path,
  low: path,
  close: path,
  volume: path.optional(),
  time: time.extend({ at: z.enum(['start', 'end']).default('start') }),
  lengthMs: z
    .number()
    .int()
    .min(4)
    .refine(
      (lengthMs) => WINDOW_MS % lengthMs === 0,
      `expected a length that fits into a window of ${WINDOW_MS} ms: of longer bars the candles would be made up`,
    ),
});

const bookRule = z.strictObject({
  ...choice,
  kind: z.literal('book'),
  symbol: path,
  time,
  bids: path,
  asks: path,
  /** The names of price and size in a level; none if a level is a pair of them. */
  level: z.strictObject({ price: path, size: path }).optional(),
});

const newsRule = z.strictObject({
  ...choice,
  kind: z.literal('news'),
  id: path,
  time,
  headline: path,
  /** A list, or one text with commas. */
  symbols: path,
  sentiment: path.optional(),
  summary: path.optional(),
  source: path.optional(),
  category: path.optional(),
  url: path.optional(),
});

/** Records that are known and hold nothing: a greeting, a sign of life. */
const ignoreRule = z.strictObject({ when: choice.when, kind: z.literal('ignore') });

/** How records of a feed of JSON lines are read: the first rule that a record fits is taken. */
export const NdjsonMappingSchema = z
  .array(z.discriminatedUnion('kind', [tradeRule, sampleRule, barRule, bookRule, newsRule, ignoreRule]))
  .min(1)
  .max(100)
  .refine(
    (rules) => !(rules.some(isTradeRule) && rules.some(isSampleRule)),
    'trades beside samples or bars: a feed is one or the other, make two of it',
  );

/** How records of a feed of JSON lines are read. */
export type NdjsonMapping = z.infer<typeof NdjsonMappingSchema>;
export type NdjsonRule = NdjsonMapping[number];
export type TimeName = z.infer<typeof time>;

function isTradeRule({ kind }: { readonly kind: string }): boolean {
  return kind === 'trade';
}

function isSampleRule({ kind }: { readonly kind: string }): boolean {
  return kind === 'sample' || kind === 'bar';
}

/** True if what the feed sends are looks at a market, and no trades. */
export function isSampled(mapping: NdjsonMapping): boolean {
  return mapping.some(isSampleRule);
}

const iso = (name: string) => ({ name, unit: 'iso' as const });

/** What `npm run generate` sends, unless it is told to send trades. */
export const GENERATED_BARS: NdjsonMapping = NdjsonMappingSchema.parse([
  {
    kind: 'bar',
    when: { type: 'ohlc' },
    symbol: 'symbol',
    open: 'open',
    high: 'high',
    low: 'low',
    close: 'close',
    volume: 'volume',
    time: iso('start'),
    lengthMs: 1_000,
  },
  { kind: 'book', when: { type: 'book' }, symbol: 'symbol', time: iso('time'), bids: 'bids', asks: 'asks' },
  {
    kind: 'news',
    when: { type: 'news' },
    id: 'id',
    time: iso('time'),
    headline: 'headline',
    symbols: 'symbols',
    sentiment: 'sentiment',
    source: 'source',
  },
]);

/** What `npm run generate -- --trades` sends. */
export const GENERATED_TRADES: NdjsonMapping = NdjsonMappingSchema.parse([
  {
    kind: 'trade',
    when: { type: 'trade' },
    symbol: 'symbol',
    price: 'price',
    size: 'size',
    time: iso('time'),
    id: 'id',
  },
  ...GENERATED_BARS.filter(({ kind }) => kind === 'book' || kind === 'news'),
]);
