import { countedFor, LOOK, type PriceRank, rangeOf } from '@kandle/market/trade/price-rank';
import { INTERVALS } from './intervals.ts';
import type { RefusedRecord } from '@kandle/market/feed/refused-of';
import type { RejectReader } from './rejects/reject-reader.ts';
import type { CandleRow, GapRow, TradeRow } from './rows.ts';
import type { QueryStore, Series } from './store.ts';

/** The most trades, versions and gaps that are listed of one candle. */
const MAX_LISTED = 10_000;

/** A trade, and what it counted for in the candle: `all`, or less by its conditions. */
export type ExplainedTrade = TradeRow & { readonly counted_for: string };

/** A candle and all that explains it. */
export interface Explained {
  readonly feed: string;
  readonly symbol: string;
  readonly start: number;
  /** The candle as it stands; null if there is none. */
  readonly candle: CandleRow | null;
  /** Its final and revised versions, oldest first. */
  readonly versions: readonly CandleRow[];
  /** The stored trades of its five seconds, by time and id. */
  readonly trades: readonly ExplainedTrade[];
  /** What the trades give: to be compared with the candle. Sums of doubles, so the last digits may differ. */
  readonly counted: {
    readonly trades: number;
    readonly volume: number;
    readonly high: number | null;
    readonly low: number | null;
  };
  /** Gaps of the feed that touch it, of whatever shard. */
  readonly gaps: readonly GapRow[];
  /** Refused records that name it and its time, as far as they were read. */
  readonly rejects: readonly RefusedRecord[];
  /** In plain words: what of the above is out of the ordinary. */
  readonly notes: readonly string[];
}

/** Where it is read. */
interface ExplainDeps {
  readonly store: Pick<QueryStore, 'candles' | 'revisions' | 'trades' | 'gaps'>;
  readonly refused: Pick<RejectReader, 'read'>;
}

/** Reads what a 5-second candle is made of: the answer to "why does my candle differ from the exchange's?". */
export async function explainCandle(
  { store, refused }: ExplainDeps,
  series: Series,
  startMs: number,
): Promise<Explained> {
  const range = { fromMs: startMs, toMs: startMs + INTERVALS['5s'].periodMs, limit: MAX_LISTED, after: null };
  const [[candle = null], versions, trades, gaps, { rejects, isWhole }] = await Promise.all([
    store.candles(series, INTERVALS['5s'], { ...range, limit: 1 }),
    store.revisions(series, range),
    store.trades(series, range),
    store.gaps(series.feed, range),
    refused.read(series.symbol, range.fromMs, range.toMs),
  ]);
  // What the stored trades say: the candle may have another version by now.
  const best = bestRank(trades);
  return {
    ...series,
    start: startMs,
    candle,
    versions,
    trades: trades.map((trade) => ({ ...trade, counted_for: countedFor(trade.price_rank, best) })),
    counted: countTrades(trades, best),
    gaps,
    rejects,
    notes: [...notesOf(candle, versions, trades, gaps), ...notesOfRefused(rejects, isWhole)],
  };
}

function bestRank(trades: readonly TradeRow[]): PriceRank {
  return trades.reduce<PriceRank>((best, { price_rank: rank }) => (rank < best ? rank : best), LOOK);
}

function countTrades(trades: readonly TradeRow[], best: PriceRank): Explained['counted'] {
  const ranged = trades.filter(({ price_rank: rank }) => rangeOf(rank) === rangeOf(best));
  const prices = ranged.map(({ price }) => price);
  return {
    trades: trades.length,
    volume: trades.reduce((sum, { size }) => sum + size, 0),
    high: prices.length === 0 ? null : prices.reduce((high, price) => Math.max(high, price)),
    low: prices.length === 0 ? null : prices.reduce((low, price) => Math.min(low, price)),
  };
}

function notesOf(
  candle: CandleRow | null,
  versions: readonly CandleRow[],
  trades: readonly TradeRow[],
  gaps: readonly GapRow[],
): readonly string[] {
  const notes: string[] = [];
  if (candle === null)
    notes.push(
      trades.length === 0
        ? 'No trade was counted in these five seconds.'
        : 'There are trades and no candle yet: it is about to be written, or persist is behind.',
    );
  if (candle?.state === 'provisional') notes.push('The candle is provisional: its window is still open.');
  const isOfLooks = candle?.sampled === true;
  if (isOfLooks)
    notes.push(
      'Its prices are looks at the market: no trade is in it, and so it has no volume-weighted average price.',
    );
  else if (candle !== null && candle.trade_count !== trades.length && candle.state !== 'provisional')
    notes.push(
      `The candle counts ${candle.trade_count} trades and ${trades.length} are stored: run the audit.`,
    );
  notes.push(...notesOfConditions(trades), ...notesOfBackfill(trades));
  if (versions.length > 1) notes.push(`It was revised ${versions.length - 1} times: ${reasonsOf(versions)}.`);
  if (candle?.complete === false)
    notes.push('It is not complete: the feed was away, or had only just begun.');
  for (const gap of gaps)
    notes.push(
      `Gap of ${gap.shard} (${gap.reason}), ${gap.to_time - gap.from_time} ms${gap.backfill_state === null ? '' : `; ${gap.backfill_state} from ${gap.backfill_source}`}.`,
    );
  return notes;
}

function notesOfConditions(trades: readonly TradeRow[]): readonly string[] {
  const best = bestRank(trades);
  const lesser = trades.filter(({ price_rank: rank }) => rank > best).length;
  return [
    ...(lesser > 0
      ? [
          `By their conditions, ${lesser} of ${trades.length} trades count for less than all: each says for what.`,
        ]
      : []),
    ...(trades.length > 0 && best > 0
      ? [
          `No trade in it counts for ${best === 1 ? 'open and close' : 'prices'}: they are of the best that there is.`,
        ]
      : []),
  ];
}

function notesOfBackfill(trades: readonly TradeRow[]): readonly string[] {
  const fetched = trades.flatMap(({ backfilled }) => backfilled ?? []);
  if (fetched.length === 0) return [];
  const sources = [...Map.groupBy(fetched, (source) => source)]
    .map(([source, { length }]) => `${source} ${length}`)
    .toSorted();
  return [
    `${fetched.length} of ${trades.length} trades were missed by the feed and fetched afterwards: ${sources.join(', ')}.`,
  ];
}

function notesOfRefused(rejects: readonly RefusedRecord[], isWhole: boolean): readonly string[] {
  const counts = Map.groupBy(rejects, ({ reason }) => reason);
  const reasons = [...counts].map(([reason, { length }]) => `${reason} ${length}`).join(', ');
  return [
    ...(rejects.length === 0 ? [] : [`Records were refused: ${reasons}.`]),
    ...(isWhole ? [] : ['Not all refused records were read: there may be more.']),
  ];
}

function reasonsOf(versions: readonly CandleRow[]): string {
  const reasons = new Set(
    versions.map(({ reason }) => reason).filter((reason) => reason !== null && reason !== ''),
  );
  return reasons.size === 0 ? 'no reason is stored' : [...reasons].join(', ');
}
