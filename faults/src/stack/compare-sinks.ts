import type { RecomputedTrade, RecomputedWindow } from '@kandle/audit/recomputed';
import { EVENT_TYPES, TOPICS } from '@kandle/market/event/topics';
import { createKafka } from '@kandle/runtime/kafka';
import { createLogger } from '@kandle/runtime/log';
import { readInflux } from '@kandle/testkit/sink/influx-contents';
import { readRedis } from '@kandle/testkit/sink/redis-contents';
import { type SinkContents, type SinkRow, sortRows, versionName } from '@kandle/testkit/sink/sink-events';
import { z } from 'zod';
import { headerText } from '../redrive/dead-letter.ts';
import { readTopic } from '@kandle/runtime/read-topic';
import type { SinkServers } from './sinks.ts';

/** Sinks to compare, and what they are compared with. */
export interface SinksCase {
  readonly kafkaBrokers: readonly string[];
  /** Before the names of topics. */
  readonly prefix: string;
  /** What the audit has recomputed of every window; one that is there twice counts as it was last. */
  readonly windows: readonly RecomputedWindow[];
  readonly servers: Pick<SinkServers, 'redis' | 'influx'>;
}

/** What the comparison came to. */
export interface SinksVerdict {
  /** One text each; none if both hold what the log says. */
  readonly differences: readonly string[];
  /** Rows of both that were compared. */
  readonly compared: number;
}

/**
 * Compares what Redis and InfluxDB hold with the log: trades and candles with what the audit recomputes from
 * `market.raw.v1`; every version of them and the indicators, which nobody recomputes, with the events that were
 * published. Everything must have come to rest, with every window closed.
 */
export async function compareSinks(of: SinksCase): Promise<SinksVerdict> {
  const published = await readPublished(of);
  const windows = [...new Map(of.windows.map((one) => [`${one.shard}|${one.windowStartMs}`, one])).values()];
  const feeds = Map.groupBy(windows, ({ shard }) => feedOf(shard));
  const differences: string[] = [];
  let compared = 0;
  for (const [feed, own] of feeds) {
    const contents = contentsOf(own, published.get(feed) ?? NOTHING);
    const found = {
      Redis: await readRedis(of.servers.redis, feed),
      InfluxDB: await readInflux(of.servers.influx, feed),
    };
    for (const [name, there] of Object.entries(found)) {
      for (const part of ['trades', 'candles', 'indicators', 'versions', 'newest'] as const) {
        const rows = there[part];
        if (rows === null) continue;
        compared += rows.length;
        differences.push(...differencesOf(`${name}, ${feed}, ${part}`, contents[part] ?? [], rows));
      }
    }
  }
  return { differences, compared };
}

/** Versions that were published of a feed. */
interface Published {
  readonly candles: readonly SinkRow[];
  readonly indicators: readonly SinkRow[];
}

const NOTHING: Published = { candles: [], indicators: [] };

const CandlesSchema = z.object({
  shard: z.string(),
  windowStartMs: z.number(),
  candles: z.array(z.object({ symbol: z.string(), version: z.number(), state: z.string() })),
});
const IndicatorsSchema = z.object({
  shard: z.string(),
  windowStartMs: z.number(),
  indicators: z.array(
    z.object({
      symbol: z.string(),
      version: z.number(),
      close: z.number(),
      values: z.record(z.string(), z.number()),
    }),
  ),
});

/** What was published, by feed, each version once. */
async function readPublished({ kafkaBrokers, prefix }: SinksCase): Promise<ReadonlyMap<string, Published>> {
  const kafka = createKafka(
    { KAFKA_BROKERS: [...kafkaBrokers], KAFKA_TLS: false },
    'sinks',
    createLogger('sinks', 'silent'),
  );
  const feeds = new Map<string, { candles: Map<string, SinkRow>; indicators: Map<string, SinkRow> }>();
  const of = (shard: string, kind: keyof Published): Map<string, SinkRow> => {
    const feed = feedOf(shard);
    const known = feeds.get(feed) ?? { candles: new Map(), indicators: new Map() };
    feeds.set(feed, known);
    return known[kind];
  };
  await readTopic(kafka, prefix + TOPICS.candles, { name: 'kandle-redrive' }, (_, messages) => {
    for (const { headers, value } of messages) {
      if (headerText(headers, 'ce_type') !== EVENT_TYPES.candles) continue;
      const { shard, windowStartMs: start, candles } = CandlesSchema.parse(JSON.parse(String(value)));
      for (const { symbol, version, state } of candles) {
        const row = { symbol, start, version };
        if (state !== 'provisional') of(shard, 'candles').set(versionName('candles', row), row);
      }
    }
  });
  await readTopic(kafka, prefix + TOPICS.signals, { name: 'kandle-redrive' }, (_, messages) => {
    for (const { headers, value } of messages) {
      if (headerText(headers, 'ce_type') !== EVENT_TYPES.indicators) continue;
      const { shard, windowStartMs: start, indicators } = IndicatorsSchema.parse(JSON.parse(String(value)));
      for (const { symbol, version, close, values } of indicators) {
        const row = { symbol, start, version, close, ...values };
        of(shard, 'indicators').set(versionName('indicators', row), row);
      }
    }
  });
  return new Map(
    [...feeds].map(([feed, { candles, indicators }]) => [
      feed,
      { candles: [...candles.values()], indicators: [...indicators.values()] },
    ]),
  );
}

/** What a sink should hold of a feed. */
function contentsOf(windows: readonly RecomputedWindow[], published: Published): SinkContents {
  const trades = windows.flatMap((window) => window.trades);
  const candles = windows.flatMap(({ windowStartMs: start, candles: bySymbol }) =>
    [...bySymbol].map(([symbol, columns]) => candleRow(symbol, start, columns)),
  );
  const indicators = newestBy(published.indicators, ({ symbol, start }) => `${symbol}|${start}`);
  const ofSymbol = ({ symbol }: SinkRow): string => String(symbol);
  const named = (kind: string, rows: readonly SinkRow[]): readonly SinkRow[] =>
    rows.map((row) => ({ kind, ...row }));
  return {
    trades: sortRows(
      // An id that two batches brought counts once, where it came first.
      [
        ...new Map(
          trades
            .toSorted(byArrival)
            .toReversed()
            .map((trade) => [keyOf(trade), trade]),
        ).values(),
      ]
        .filter(({ isLook }) => !isLook)
        .map(tradeRow),
    ),
    candles: sortRows(candles),
    indicators: sortRows(indicators),
    versions: [
      ...published.candles.map((row) => versionName('candles', row)),
      ...published.indicators.map((row) => versionName('indicators', row)),
    ].toSorted(),
    newest: sortRows([
      ...named('price', newestPrices(trades)),
      // Everything is at rest: no window of later is open.
      ...named('candle', newestBy(candles, ofSymbol)),
      ...named('indicators', newestBy(indicators, ofSymbol)),
    ]),
  };
}

function keyOf({ symbol, id }: RecomputedTrade): string {
  return `${symbol} ${id}`;
}

function byArrival(a: RecomputedTrade, b: RecomputedTrade): number {
  return a.epoch - b.epoch || a.sequence - b.sequence || a.index - b.index;
}

function tradeRow({ symbol, eventTimeMs, id, price, size, rank, conditions }: RecomputedTrade): SinkRow {
  return { symbol, time: eventTimeMs, id, price, size, rank, conditions };
}

/** A price that counts for less is the newest only where none that counts came within 5 s before it. */
const SECOND_BEST_MS = 5_000;

/** The newest price of each symbol, by its time, then by arrival. */
function newestPrices(trades: readonly RecomputedTrade[]): readonly SinkRow[] {
  const timeOf = ({ eventTimeMs, rank }: RecomputedTrade): number =>
    rank < 2 ? eventTimeMs : eventTimeMs - SECOND_BEST_MS;
  const sorted = trades.toSorted((a, b) => timeOf(a) - timeOf(b) || byArrival(a, b));
  return [...new Map(sorted.map((trade) => [trade.symbol, tradeRow(trade)])).values()];
}

const CANDLE_COLUMNS =
  'version open high low close volume vwap mean_price trade_count state revision reason complete'.split(' ');

/** A row of `candles_5s` as a sink has it. */
function candleRow(symbol: string, start: number, columns: Readonly<Record<string, unknown>>): SinkRow {
  const row: Record<string, string | number | boolean> = {
    symbol,
    start,
    sampled: columns['sampled'] === true,
  };
  for (const name of CANDLE_COLUMNS) {
    const value = columns[name];
    // What is not known is not a number in Cassandra.
    if (typeof value === 'string' || typeof value === 'boolean') row[name] = value;
    if (typeof value === 'number' && !Number.isNaN(value)) row[name] = value;
  }
  return row;
}

/** Of each group the row with the latest window and the highest version. */
function newestBy(rows: readonly SinkRow[], groupOf: (row: SinkRow) => string): readonly SinkRow[] {
  const sorted = rows.toSorted(
    (a, b) => Number(a['start']) - Number(b['start']) || Number(a['version']) - Number(b['version']),
  );
  return [...new Map(sorted.map((row) => [groupOf(row), row])).values()];
}

/** `finnhub` of `finnhub-03`. */
function feedOf(shard: string): string {
  return shard.replace(/-\d+$/, '');
}

const SHOWN = 3;

/** What one list has and the other has not, in words; a row that stands twice is one too many. */
export function differencesOf(
  what: string,
  expected: readonly (SinkRow | string)[],
  found: readonly (SinkRow | string)[],
): readonly string[] {
  const missing = rest(expected, found);
  const extra = rest(found, expected);
  if (missing.length + extra.length === 0) return [];
  const show = (rows: readonly string[]): string => rows.slice(0, SHOWN).join(' ') || 'none';
  return [
    `${what}: of ${expected.length} in the log and ${found.length} there, ${missing.length} are missing (${show(missing)}), ${extra.length} are too many (${show(extra)})`,
  ];
}

/** What is in `rows` more often than in `others`, as text. */
function rest(rows: readonly (SinkRow | string)[], others: readonly (SinkRow | string)[]): readonly string[] {
  const counts = new Map<string, number>();
  for (const text of others.map(textOf)) counts.set(text, (counts.get(text) ?? 0) + 1);
  return rows.map(textOf).filter((text) => {
    const count = counts.get(text) ?? 0;
    counts.set(text, count - 1);
    return count <= 0;
  });
}

/** A row as text, its columns in the order of their names. */
function textOf(row: SinkRow | string): string {
  if (typeof row === 'string') return row;
  return JSON.stringify(Object.fromEntries(Object.entries(row).toSorted(([a], [b]) => (a < b ? -1 : 1))));
}
