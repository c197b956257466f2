import { e16, e8, toE8 } from '@kandle/market/number/fixed-point';
import {
  type CandleBatch,
  type CandleState,
  formatCandleBatch,
  type PublishedCandle,
} from '@kandle/market/candle/candle-batch';
import type { MarketEvent } from '@kandle/market/event/market-event';
import { WINDOW_MS } from '@kandle/market/window/window';
import type { Random } from '@kandle/tooling/random';

/** The shard of the schedules in memory. */
export const SHARD = 'test-00';
const BEGIN_MS = 1_700_000_000_000;
/** Where one count of changes ends and the next begins. */
const NEXT_HOUR_MS = 1_700_002_800_000;
const SYMBOLS = ['A', 'B', 'C'] as const;

/** A candle of few distinct prices and volumes. */
export function candleOf(
  random: Random,
  symbol: string,
  version: number,
  state: CandleState,
): PublishedCandle {
  const [close, up, down] = [5 + random.below(6), random.below(3), random.below(3)];
  return {
    symbol,
    version,
    state,
    revision: state === 'revised' ? 1 : 0,
    reason: null,
    complete: true,
    lastTradeMs: BEGIN_MS + version,
    openE8: toE8(close),
    highE8: toE8(close + up),
    lowE8: toE8(close - down),
    closeE8: toE8(close),
    volumeE8: toE8(1 + random.below(5)),
    notionalE16: e16(1n),
    priceSumE8: e8(1n),
    tradeCount: 1,
  };
}

/**
 * Candle events of one shard as aggregate publishes them: finals in parts, provisional ones between, revisions
 * later, windows without a candle of some symbol or of any.
 */
export function createCandleLog(random: Random, shard = SHARD): readonly MarketEvent[] {
  const events: MarketEvent[] = [];
  const later: { readonly at: number; readonly batch: CandleBatch }[] = [];
  const windows = 6 + random.below(14);
  const quiet = random.below(windows);
  const beginMs = random.chance(0.5) ? BEGIN_MS : NEXT_HOUR_MS - random.below(windows) * WINDOW_MS;
  for (let index = 0; index < windows; index++) {
    const isQuiet = index >= quiet && index < quiet + 2;
    const windowStartMs = beginMs + index * WINDOW_MS;
    const header = { shard, windowStartMs, windowMs: WINDOW_MS };
    const present = SYMBOLS.filter(() => !isQuiet && random.chance(0.7));
    const finals = present.map((symbol) => candleOf(random, symbol, 2, 'final'));
    const parts = random.chance(0.3) ? [finals.slice(0, 1), finals.slice(1)] : [finals];
    for (const candles of parts) {
      const batch: CandleBatch = { ...header, kind: 'final', version: 2, candles };
      if (random.chance(0.1)) events.push(...formatCandleBatch({ ...batch, kind: 'provisional' }));
      events.push(...formatCandleBatch(batch));
    }
    // Late trades: another version of a candle, or a symbol's first in a closed window.
    for (let version = 3; random.chance(0.25); version++) {
      const candles = [candleOf(random, random.pick(SYMBOLS), version, 'revised')];
      const batch: CandleBatch = { ...header, kind: 'revised', version, candles };
      later.push({ at: index + random.below(windows), batch });
    }
    for (const { at, batch } of later) if (at === index) events.push(...formatCandleBatch(batch));
  }
  for (const { at, batch } of later) if (at >= windows) events.push(...formatCandleBatch(batch));
  return events;
}
