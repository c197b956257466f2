import { type Candle, candleOf, mergeCandles } from './candle.ts';
import type { Trade, TradeKey } from '../trade/trade.ts';
import { windowStartOf } from '../window/window.ts';

/** The candles of one batch's trades: window start → symbol → candle. */
export type FoldedTrades = ReadonlyMap<number, ReadonlyMap<string, Candle>>;

/**
 * Folds the trades of one batch into a candle per window and symbol.
 *
 * @param trades In the order of the batch; the index decides ties within a millisecond.
 * @param position The batch's epoch and sequence.
 */
export function foldTrades(
  trades: readonly Trade[],
  position: Pick<TradeKey, 'epoch' | 'sequence'>,
  windowMs?: number,
): FoldedTrades {
  const windows = new Map<number, Map<string, Candle>>();
  for (const [index, trade] of trades.entries()) {
    const windowStartMs = windowStartOf(trade.eventTimeMs, windowMs);
    let symbols = windows.get(windowStartMs);
    if (symbols === undefined) windows.set(windowStartMs, (symbols = new Map()));
    const key = { eventTimeMs: trade.eventTimeMs, epoch: position.epoch, sequence: position.sequence, index };
    const candle = candleOf(trade, key, windowStartMs);
    const known = symbols.get(trade.symbol);
    symbols.set(trade.symbol, known === undefined ? candle : mergeCandles(known, candle));
  }
  return windows;
}
