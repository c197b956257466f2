import { exactEmpty } from './exact.ts';
import type { CandleRow } from './rows.ts';

/** How windows without a trade are answered: left out, with the close before them, or with nulls. */
export type Fill = 'none' | 'previous' | 'null';

/** What filled candles are made for. */
export interface FillRange {
  readonly fill: Fill;
  readonly periodMs: number;
  /** First and last period to answer for: starts in `[fromMs, toMs)`, aligned. */
  readonly fromMs: number;
  readonly toMs: number;
  /**
   * The close before `fromMs`; null where there is none, and then nothing is filled before the first candle.
   */
  readonly closeBefore: number | null;
  /** True for candles with their integers. */
  readonly exact?: boolean;
  readonly limit: number;
}

/**
 * The candles of a range with its empty periods filled in, at most `limit`.
 *
 * @param candles Ascending by start, all within the range.
 */
export function fillCandles(candles: readonly CandleRow[], range: FillRange): readonly CandleRow[] {
  const { fill, periodMs, limit, exact = false } = range;
  if (fill === 'none') return candles.slice(0, limit);
  const filled: CandleRow[] = [];
  let close = range.closeBefore;
  let next = 0;
  for (let startMs = range.fromMs; startMs < range.toMs && filled.length < limit; startMs += periodMs) {
    const candle = candles[next];
    if (candle?.start === startMs) {
      filled.push(candle);
      close = candle.close;
      next += 1;
    } else if (fill === 'null') filled.push(emptyCandle(startMs, null, exact));
    else if (close !== null) filled.push(emptyCandle(startMs, close, exact));
  }
  return filled;
}

function emptyCandle(startMs: number, price: number | null, exact: boolean): CandleRow {
  return {
    start: startMs,
    open: price,
    high: price,
    low: price,
    close: price,
    volume: price === null ? null : 0,
    vwap: null,
    mean_price: null,
    trade_count: 0,
    state: 'empty',
    version: 0,
    revision: 0,
    reason: '',
    complete: null,
    sampled: null,
    price_rank: 0,
    ...(exact ? exactEmpty(price) : {}),
    filled: true,
  };
}
