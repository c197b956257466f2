import type { Columns } from '../values/columns.ts';
import { writeSequences } from '../values/sequences.ts';
import type { Rank } from './conditions.ts';
import { hashSumOf } from './trade-hash.ts';

/** A trade that counts, with its place in the log: `index` is its place among the trades of its clean batch. */
export interface PlacedTrade {
  readonly id: string;
  readonly symbol: string;
  readonly eventTimeMs: number;
  readonly priceE8: bigint;
  readonly sizeE8: bigint;
  /** It is a look at a market, and no trade. */
  readonly isSampled?: boolean | undefined;
  /** What its price counts for; 0 if absent. */
  readonly rank?: Rank | undefined;
  /** Its codes, with commas; none if absent. */
  readonly conditions?: string | undefined;
  /** Where it was fetched from afterwards; null, or absent, of what the feed brought. */
  readonly backfilled?: string | null | undefined;
  readonly epoch: number;
  readonly sequence: number;
  readonly index: number;
}

/** What one symbol's row in `windows` should hold, computed from the list of its trades. */
export interface ExpectedRow {
  readonly symbol: string;
  readonly firstKey: string;
  readonly lastKey: string;
  readonly openE8: bigint;
  readonly highE8: bigint;
  readonly lowE8: bigint;
  readonly closeE8: bigint;
  readonly volumeE8: bigint;
  readonly notionalE16: bigint;
  readonly priceSumE8: bigint;
  readonly tradeCount: number;
  readonly idHashSum: bigint;
  readonly isSampled?: boolean | undefined;
  /** The best of its trades; 0 if absent. */
  readonly rank?: Rank | undefined;
  readonly lastTradeMs: number;
}

/** A window of one shard as the raw log says it should be. */
export interface ExpectedWindow {
  /** The batches that have a trade in it, as the column `applied` names them. */
  readonly applied: string;
  readonly rows: ReadonlyMap<string, ExpectedRow>;
  /** Ids that more than one batch has brought: each counts once. */
  readonly repeatedIds: readonly RepeatedId[];
}

/** A trade id that stands in the log more than once. */
export interface RepeatedId {
  readonly id: string;
  readonly symbol: string;
  readonly batches: readonly string[];
}

/** Event time first, then arrival. */
function byTime(a: PlacedTrade, b: PlacedTrade): number {
  return a.eventTimeMs - b.eventTimeMs || byArrival(a, b);
}

function byArrival(a: PlacedTrade, b: PlacedTrade): number {
  return a.epoch - b.epoch || a.sequence - b.sequence || a.index - b.index;
}

/** Reads a window off the list of its trades, in any order. A trade id counts once: where it came first. */
export function expectedWindow(trades: readonly PlacedTrade[]): ExpectedWindow {
  const byId = new Map<string, PlacedTrade[]>();
  for (const trade of trades.toSorted(byArrival)) {
    const key = `${trade.symbol} ${trade.id}`;
    const known = byId.get(key);
    if (known === undefined) byId.set(key, [trade]);
    else known.push(trade);
  }
  const symbols = new Map<string, PlacedTrade[]>();
  const repeatedIds: RepeatedId[] = [];
  for (const copies of byId.values()) {
    const [first] = copies;
    if (first === undefined) continue;
    const list = symbols.get(first.symbol);
    if (list === undefined) symbols.set(first.symbol, [first]);
    else list.push(first);
    if (copies.length > 1) {
      repeatedIds.push({
        id: first.id,
        symbol: first.symbol,
        batches: copies.map(({ epoch, sequence }) => `${epoch}:${sequence}`),
      });
    }
  }
  return {
    applied: writeSequences(trades),
    rows: new Map([...symbols].map(([symbol, list]) => [symbol, rowOf(symbol, list.toSorted(byTime))])),
    repeatedIds,
  };
}

/**
 * Of price updates and trades, only the trades; of the trades, open and close off those of the best rank, high
 * and low off those that count for them, or off all where none does.
 */
function rowOf(symbol: string, all: readonly PlacedTrade[]): ExpectedRow {
  const trades = all.filter((trade) => trade.rank !== 3);
  const sorted = trades.length > 0 ? trades : all;
  const rank = sorted.reduce<Rank>((best, trade) => ((trade.rank ?? 0) < best ? (trade.rank ?? 0) : best), 3);
  const priced = sorted.filter((trade) => (trade.rank ?? 0) === rank);
  const ranged = rank > 1 ? priced : sorted.filter((trade) => (trade.rank ?? 0) <= 1);
  const first = priced.at(0);
  const last = priced.at(-1);
  if (first === undefined || last === undefined) throw new RangeError('Cannot read a row off no trades');
  const prices = ranged.map((trade) => trade.priceE8).toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  return {
    symbol,
    firstKey: keyOf(first),
    lastKey: keyOf(last),
    openE8: first.priceE8,
    highE8: prices.at(-1) ?? 0n,
    lowE8: prices.at(0) ?? 0n,
    closeE8: last.priceE8,
    volumeE8: sumOf(sorted.map((trade) => trade.sizeE8)),
    notionalE16: sumOf(sorted.map((trade) => trade.priceE8 * trade.sizeE8)),
    priceSumE8: sumOf(sorted.map((trade) => trade.priceE8)),
    tradeCount: sorted.length,
    idHashSum: hashSumOf(sorted.map((trade) => trade.id)),
    isSampled: last.isSampled === true || rank === 3,
    rank,
    lastTradeMs: last.eventTimeMs,
  };
}

/** The columns of a row of `windows` that its trades decide. */
export function expectedColumns(row: ExpectedRow): Columns {
  return {
    first_key: row.firstKey,
    last_key: row.lastKey,
    ...exactColumns(row),
    id_hash_sum: row.idHashSum,
  };
}

/** The numbers of a candle as integers, by the names that `windows` and the candles' events share. */
export function exactColumns(row: ExpectedRow): Columns {
  return {
    open_e8: row.openE8,
    high_e8: row.highE8,
    low_e8: row.lowE8,
    close_e8: row.closeE8,
    volume_e8: row.volumeE8,
    notional_e16: row.notionalE16,
    price_sum_e8: row.priceSumE8,
    trade_count: row.tradeCount,
  };
}

function keyOf({ eventTimeMs, epoch, sequence, index, rank = 0 }: PlacedTrade): string {
  return `${eventTimeMs}:${epoch}:${sequence}:${index}${rank > 0 ? `:${rank}` : ''}`;
}

function sumOf(values: readonly bigint[]): bigint {
  return values.reduce((sum, value) => sum + value, 0n);
}
