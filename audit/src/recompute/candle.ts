import type { StoredWindow } from '../read/stored.ts';
import type { StoredRow } from '../read/window-rows.ts';
import type { Columns } from '../values/columns.ts';
import { doubleOf, quotientOf } from '../values/decimal.ts';
import type { ExpectedRow } from './expected-window.ts';

/**
 * What a candle shows beside its numbers: version, state, revision and reason, as a row of `windows` implies
 * them.
 */
export interface CandleLife {
  readonly version: number;
  readonly state: 'final' | 'revised';
  readonly revision: number;
  readonly reason: string;
  readonly complete: boolean;
}

/**
 * The life of a final window's candle. A gap that became known after the close revises the rows that were
 * there.
 */
export function lifeOf(window: StoredWindow, row: StoredRow): CandleLife {
  const { finalVersion, incompleteVersion } = window;
  const byGap = incompleteVersion > finalVersion && row.rowVersion < incompleteVersion;
  const revision = row.revision + (byGap ? 1 : 0);
  return {
    version: Math.max(row.rowVersion, finalVersion, incompleteVersion),
    state: revision > 0 ? 'revised' : 'final',
    revision,
    reason: byGap ? 'feed_gap' : row.reason,
    complete: incompleteVersion === 0,
  };
}

/** The numbers of a candle. */
export type CandleNumbers = Omit<
  ExpectedRow,
  'symbol' | 'firstKey' | 'lastKey' | 'idHashSum' | 'lastTradeMs'
>;

/**
 * The columns of `candles_5s` for a candle; without its life where the window has no row that could tell it.
 */
export function candleColumns(row: CandleNumbers, life: CandleLife | null): Columns {
  const isSampled = row.isSampled === true;
  return {
    open: doubleOf(row.openE8),
    high: doubleOf(row.highE8),
    low: doubleOf(row.lowE8),
    close: doubleOf(row.closeE8),
    volume: doubleOf(row.volumeE8),
    vwap: isSampled ? Number.NaN : quotientOf(row.notionalE16, row.volumeE8 * 10n ** 8n),
    mean_price: quotientOf(row.priceSumE8, BigInt(row.tradeCount) * 10n ** 8n),
    trade_count: row.tradeCount,
    notional: isSampled ? Number.NaN : quotientOf(row.notionalE16, 10n ** 16n),
    volume_e8: row.volumeE8,
    notional_e16: row.notionalE16,
    price_sum_e8: row.priceSumE8,
    // Rows of before the column have null, and are of trades.
    ...(isSampled ? { sampled: true } : {}),
    price_rank: row.rank ?? 0,
    ...life,
  };
}
