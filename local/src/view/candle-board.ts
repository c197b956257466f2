import type { CandleBatch, PublishedCandle } from '@kandle/market/candle/candle-batch';
import { feedOfShard } from '@kandle/market/event/shard';
import { e8, e8ToDouble, formatE8 } from '@kandle/market/number/fixed-point';
import type { SymbolView } from './view-state.ts';

/** The newest candles of every symbol, from candle events in any order, repeated or not. */
export interface CandleBoard {
  apply(batch: CandleBatch, nowMs: number): void;
  /** The most active symbols first, in an order that changes every few seconds at most. */
  top(count: number, nowMs: number): readonly CandleLine[];
  /** Number of symbols that had a candle. */
  size(): number;
  /** Number of final candles, each counted once; older ones than a symbol's newest minute are not looked at. */
  finalCandles(): number;
}

/** A symbol's line without its indicators, and its series: the same symbol of two feeds is two. */
export type CandleLine = Omit<SymbolView, 'indicators'> & { readonly series: string };

/** What a symbol of a feed is known by: by the feed of its shard. */
export function seriesOf(shard: string, symbol: string): string {
  return `${feedOfShard(shard)} ${symbol}`;
}

interface Entry {
  readonly series: string;
  readonly symbol: string;
  /** By window start; the newest twelve. */
  readonly windows: Map<number, { readonly version: number; readonly candle: PublishedCandle }>;
  newestMs: number;
  windowMs: number;
  priceDigits: number;
  /** Trades, each weighing less the longer ago it came. */
  score: number;
  scoredMs: number;
  readonly firstMs: number;
}

const WINDOWS = 12;
/** Over how long trades per second are averaged. */
const RATE_MS = 10_000;
const ORDER_EVERY_MS = 5_000;

/**
 * An empty board. Times are of the wall clock, milliseconds.
 *
 * @param isLive False for a recording: its windows are of another time, and nothing lags behind the clock.
 */
export function createCandleBoard(isLive: boolean): CandleBoard {
  const entries = new Map<string, Entry>();
  const feeds = new Set<string>();
  let order: readonly Entry[] = [];
  let orderedMs = Number.NEGATIVE_INFINITY;
  let finals = 0;

  function entryOf(shard: string, symbol: string, nowMs: number): Entry {
    const series = seriesOf(shard, symbol);
    let entry = entries.get(series);
    if (entry === undefined) {
      feeds.add(feedOfShard(shard));
      entry = {
        series,
        symbol,
        windows: new Map(),
        newestMs: 0,
        windowMs: 0,
        priceDigits: 0,
        score: 0,
        scoredMs: nowMs,
        firstMs: nowMs,
      };
      entries.set(series, entry);
    }
    return entry;
  }

  function take(entry: Entry, batch: CandleBatch, candle: PublishedCandle, nowMs: number): void {
    const { windowStartMs, windowMs } = batch;
    const known = entry.windows.get(windowStartMs);
    if (known === undefined && entry.windows.size >= WINDOWS) {
      const oldest = Math.min(...entry.windows.keys());
      if (windowStartMs < oldest) return;
      entry.windows.delete(oldest);
    }
    if (known !== undefined && known.version >= candle.version) return;
    const wasFinal = known !== undefined && known.candle.state !== 'provisional';
    if (candle.state !== 'provisional' && !wasFinal) finals += 1;
    // What an earlier run has left to be closed is no trade of now.
    if (!isLive || nowMs - windowStartMs < WINDOWS * windowMs) {
      entry.score = scoreAt(entry, nowMs) + candle.tradeCount - (known?.candle.tradeCount ?? 0);
      entry.scoredMs = nowMs;
    }
    entry.windows.set(windowStartMs, { version: candle.version, candle });
    entry.newestMs = Math.max(entry.newestMs, windowStartMs);
    entry.windowMs = windowMs;
    const decimals = formatE8(candle.closeE8).split('.')[1]?.length ?? 0;
    entry.priceDigits = Math.max(entry.priceDigits, decimals);
  }

  return {
    apply(batch, nowMs) {
      for (const candle of batch.candles) {
        take(entryOf(batch.shard, candle.symbol, nowMs), batch, candle, nowMs);
      }
    },
    top(count, nowMs) {
      if (nowMs - orderedMs >= ORDER_EVERY_MS || order.length < Math.min(count, entries.size)) {
        orderedMs = nowMs;
        order = [...entries.values()]
          .toSorted((a, b) => scoreAt(b, nowMs) - scoreAt(a, nowMs))
          .slice(0, count);
      }
      const lines = order.slice(0, count).map((entry) => toView(entry, nowMs, isLive));
      // With one feed only, its name would say nothing.
      return feeds.size < 2 ? lines : lines.map((line) => ({ ...line, symbol: line.series }));
    },
    size: () => entries.size,
    finalCandles: () => finals,
  };
}

function scoreAt({ score, scoredMs }: Entry, nowMs: number): number {
  return score * Math.exp(-Math.max(0, nowMs - scoredMs) / RATE_MS);
}

const NOTHING = e8(0n);

function toView(entry: Entry, nowMs: number, isLive: boolean): CandleLine {
  const newest = entry.windows.get(entry.newestMs)?.candle;
  const closes = [...entry.windows].toSorted(([a], [b]) => a - b).map(([, { candle }]) => candle.closeE8);
  // At the beginning the average is over what there was.
  const spanMs = RATE_MS * (1 - Math.exp(-Math.max(1_000, nowMs - entry.firstMs) / RATE_MS));
  return {
    series: entry.series,
    symbol: entry.symbol,
    candle: {
      open: e8ToDouble(newest?.openE8 ?? NOTHING),
      high: e8ToDouble(newest?.highE8 ?? NOTHING),
      low: e8ToDouble(newest?.lowE8 ?? NOTHING),
      close: e8ToDouble(newest?.closeE8 ?? NOTHING),
      volume: e8ToDouble(newest?.volumeE8 ?? NOTHING),
    },
    priceDigits: entry.priceDigits,
    tradesPerSecond: (scoreAt(entry, nowMs) * 1_000) / spanMs,
    lagMs: isLive ? Math.max(0, nowMs - (entry.newestMs + entry.windowMs)) : null,
    closes: closes.map(e8ToDouble),
  };
}
