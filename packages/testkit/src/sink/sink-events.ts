import { foldTrades } from '@kandle/market/candle/fold';
import { formatCandleBatch, publishedCandle, type PublishedCandle } from '@kandle/market/candle/candle-batch';
import { meanPriceOf, vwapOf } from '@kandle/market/candle/candle';
import type { MarketEvent } from '@kandle/market/event/market-event';
import { formatIndicatorBatch, type SymbolIndicators } from '@kandle/market/indicator/indicator-batch';
import { e8, e8ToDouble } from '@kandle/market/number/fixed-point';
import { latestMs } from '@kandle/market/trade/latest';
import { LOOK } from '@kandle/market/trade/price-rank';
import { compareTradeKeys, type Trade } from '@kandle/market/trade/trade';
import { formatTradeBatch } from '@kandle/market/trade/trade-batch';
import { ABSENT_WINDOW, closeWindow, mergeBatch, type WindowState } from '@kandle/market/window/window-state';
import { createRandom } from '@kandle/tooling/random';

/** A row of a sink by its columns, numbers as doubles; what is not known has no column. */
export type SinkRow = Readonly<Record<string, string | number | boolean>>;

/** What a sink holds of one feed, as its readers find it. */
export interface SinkContents {
  /** Every one that is there, sorted by {@link rowKey}: one that stands twice is here twice. */
  readonly trades: readonly SinkRow[];
  /** Of each closed window and symbol the newest version. */
  readonly candles: readonly SinkRow[];
  readonly indicators: readonly SinkRow[];
  /** Every version of both that is there, as {@link versionName} says it, sorted. */
  readonly versions: readonly string[];
  /** Of each symbol the newest of all; null for a sink that keeps none. */
  readonly newest: readonly SinkRow[] | null;
}

/** A version of a candle or of indicators, in words. */
export function versionName(
  kind: 'candles' | 'indicators',
  { symbol = '', start = 0, version = 0 }: SinkRow,
): string {
  return `${kind} of ${symbol} at ${start}, version ${version}`;
}

/** Events of one feed, in the order in which they were made, and what a sink holds after all of them. */
export interface SinkRun {
  readonly events: readonly MarketEvent[];
  readonly contents: SinkContents;
}

const FIRST_WINDOW_MS = 1_764_000_000_000;
const WINDOW_MS = 5_000;
const SYMBOLS = ['AAPL', 'IC MARKETS:1', 'M&M=X, A', String.raw`C:\x`, '币安🚀USDT'];
const WINDOWS = [FIRST_WINDOW_MS, FIRST_WINDOW_MS + WINDOW_MS];
const BATCHES = 8;

/** What sorts rows, and says which of them are about the same thing. */
function rowKey({ kind = '', symbol = '', start = 0, id = '' }: SinkRow): string {
  return [kind, symbol, start, id].join('|');
}

/** Rows in the order of {@link rowKey}. */
export function sortRows(rows: readonly SinkRow[]): readonly SinkRow[] {
  return rows.toSorted((a, b) => (rowKey(a) < rowKey(b) ? -1 : 1));
}

/**
 * Trades with twins within a millisecond, the candles that the market's own rules make of them (provisional,
 * final and revised), and indicators of each version.
 */
export function makeSinkRun(feed: string, seed: number): SinkRun {
  const random = createRandom(seed);
  const shard = `${feed}-00`;
  const events: MarketEvent[] = [];
  const trades: { readonly trade: Trade; readonly sequence: number; readonly index: number }[] = [];
  const windows = new Map<number, WindowState>(WINDOWS.map((start) => [start, ABSENT_WINDOW]));
  const candles = new Map<string, SinkRow>();
  const newestCandles = new Map<string, SinkRow>();
  const indicators = new Map<string, SinkRow>();
  const versions: string[] = [];

  function publish(start: number, window: WindowState, symbols: readonly string[]): void {
    const shown = symbols.flatMap((symbol) => {
      const row = window.rows.get(symbol);
      return row === undefined ? [] : [publishedCandle(window, row)];
    });
    const kind = shown[0]?.state ?? 'provisional';
    const header = { shard, windowStartMs: start, windowMs: WINDOW_MS, kind, version: window.version };
    events.push(...formatCandleBatch({ ...header, candles: shown }));
    const made: SymbolIndicators[] = [];
    for (const candle of shown) {
      const row = candleRow(start, candle);
      const before = newestCandles.get(candle.symbol);
      if (before === undefined || Number(before['start']) <= start) newestCandles.set(candle.symbol, row);
      if (candle.state === 'provisional') continue;
      candles.set(`${candle.symbol}|${start}`, row);
      versions.push(versionName('candles', row));
      const close = e8ToDouble(candle.closeE8);
      // A version that a revision made colder: what it has not must not stay from the version before.
      const values = candle.version % 2 === 0 ? { sma20: close / 3, rsi14: 50 } : { sma20: close / 7 };
      const { symbol, version } = candle;
      made.push({ symbol, version, candleVersion: version, repeated: 0, restarted: false, close, values });
      const indicatorRow = { symbol, start, version, close, ...values };
      indicators.set(`${symbol}|${start}`, indicatorRow);
      versions.push(versionName('indicators', indicatorRow));
    }
    events.push(...formatIndicatorBatch({ shard, windowStartMs: start, indicators: made }));
  }

  for (let sequence = 1; sequence <= BATCHES; sequence++) {
    const batch = Array.from({ length: 3 + random.below(9) }, (_, index): Trade => {
      const rank = ([0, 0, 0, 2, LOOK] as const)[random.below(5)] ?? 0;
      return {
        id: `${sequence}.${index}`,
        symbol: SYMBOLS[random.below(SYMBOLS.length)] ?? '',
        // Few milliseconds, so that many share one.
        eventTimeMs: (WINDOWS[random.below(2)] ?? 0) + 1 + random.below(3),
        priceE8: e8(BigInt(1 + random.below(3)) * 123_456_789n),
        sizeE8: e8(rank === LOOK ? 0n : BigInt(1 + random.below(3))),
        ...(rank === 0 ? {} : { rank }),
        ...(rank === 2 ? { conditions: '1,12 "x"' } : {}),
      };
    });
    const header = { shard, epoch: 1, sequence, watermarkMs: FIRST_WINDOW_MS, ingestTimeMs: FIRST_WINDOW_MS };
    events.push(formatTradeBatch({ ...header, trades: batch }));
    trades.push(...batch.map((trade, index) => ({ trade, sequence, index })));
    for (const [start, folded] of foldTrades(batch, { epoch: 1, sequence })) {
      const before = windows.get(start) ?? ABSENT_WINDOW;
      const { next, changed } = mergeBatch(before, { epoch: 1, sequence, offset: null }, folded);
      windows.set(start, next);
      publish(start, next, changed);
    }
    // In the middle all windows close: the batches after it are late, and revise.
    if (sequence !== BATCHES / 2) continue;
    for (const [start, window] of windows) {
      const closed = closeWindow(window);
      windows.set(start, closed);
      publish(start, closed, [...closed.rows.keys()]);
    }
  }
  const latest = new Map<string, SinkRow>();
  const keyOf = ({ trade, sequence, index }: (typeof trades)[number]) => ({
    eventTimeMs: latestMs(trade),
    epoch: 1,
    sequence,
    index,
  });
  for (const { trade } of trades.toSorted((a, b) => compareTradeKeys(keyOf(a), keyOf(b))))
    latest.set(trade.symbol, tradeRow(trade));
  const byStart = [...indicators.values()].toSorted((a, b) => Number(a['start']) - Number(b['start']));
  const newestIndicators = new Map(byStart.map((row) => [String(row['symbol']), row]));
  const named = (kind: string, rows: ReadonlyMap<string, SinkRow>): readonly SinkRow[] =>
    [...rows.values()].map((row) => ({ kind, ...row }));
  return {
    events,
    contents: {
      trades: sortRows(trades.filter(({ trade }) => trade.rank !== LOOK).map(({ trade }) => tradeRow(trade))),
      candles: sortRows([...candles.values()]),
      indicators: sortRows([...indicators.values()]),
      versions: versions.toSorted(),
      newest: sortRows([
        ...named('price', latest),
        ...named('candle', newestCandles),
        ...named('indicators', newestIndicators),
      ]),
    },
  };
}

function tradeRow({ id, symbol, eventTimeMs, priceE8, sizeE8, rank = 0, conditions = '' }: Trade): SinkRow {
  return {
    symbol,
    time: eventTimeMs,
    id,
    price: e8ToDouble(priceE8),
    size: e8ToDouble(sizeE8),
    rank,
    conditions,
  };
}

function candleRow(start: number, candle: PublishedCandle): SinkRow {
  const isSampled = candle.rank === LOOK;
  return {
    symbol: candle.symbol,
    start,
    version: candle.version,
    open: e8ToDouble(candle.openE8),
    high: e8ToDouble(candle.highE8),
    low: e8ToDouble(candle.lowE8),
    close: e8ToDouble(candle.closeE8),
    volume: e8ToDouble(candle.volumeE8),
    ...(isSampled ? {} : { vwap: vwapOf(candle) }),
    mean_price: meanPriceOf(candle),
    trade_count: candle.tradeCount,
    state: candle.state,
    revision: candle.revision,
    reason: candle.reason ?? '',
    complete: candle.complete,
    sampled: isSampled,
  };
}
