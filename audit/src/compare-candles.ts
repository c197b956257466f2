import { type Columns, compareColumns, showColumns } from './columns.ts';
import type { JudgedWindow } from './compare-window.ts';
import { doubleOf, quotientOf } from './decimal.ts';
import type { ExpectedRow } from './expected-window.ts';
import type { StoredRow, StoredWindow } from './stored.ts';
import type { Finding, Tally } from './tally.ts';

/** What a candle shows beside its numbers: version, state, revision and reason, as a row of `windows` implies them. */
export interface CandleLife {
  readonly version: number;
  readonly state: 'final' | 'revised';
  readonly revision: number;
  readonly reason: string;
  readonly complete: boolean;
}

/** The life of a final window's candle. A gap that became known after the close revises the rows that were there. */
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

/** The columns of `candles_5s` for a candle; without its life where the window has no row that could tell it. */
export function candleColumns(row: CandleNumbers, life: CandleLife | null): Columns {
  return {
    open: doubleOf(row.openE8),
    high: doubleOf(row.highE8),
    low: doubleOf(row.lowE8),
    close: doubleOf(row.closeE8),
    volume: doubleOf(row.volumeE8),
    vwap: quotientOf(row.notionalE16, row.volumeE8 * 10n ** 8n),
    mean_price: quotientOf(row.priceSumE8, BigInt(row.tradeCount) * 10n ** 8n),
    trade_count: row.tradeCount,
    notional: quotientOf(row.notionalE16, 10n ** 16n),
    ...life,
  };
}

/** The rows of `candles_5s` for one window, and whether those that lag behind are excused. */
export interface CandleCase {
  readonly shard: string;
  readonly windowStartMs: number;
  readonly judged: JudgedWindow;
  /** Rows of the window's start, by symbol. */
  readonly found: ReadonlyMap<string, Columns>;
  /** Persist has taken every candle. */
  readonly isReached: boolean;
  /** Persist gave up an event of this window's candles. Asked only about a row that lags behind. */
  readonly isDead: () => boolean;
}

/** Compares a window's candles in `candles_5s`; returns the symbols whose rows are missing, extra or different. */
export function compareCandles(of: CandleCase, tally: Tally): readonly string[] {
  const { shard, windowStartMs, judged, found } = of;
  const wrong: string[] = [];
  const note = (symbol: string, finding: Pick<Finding, 'kind' | 'what' | 'expected' | 'found'>): void => {
    wrong.push(symbol);
    tally.find({ subject: 'candles_5s', shard, windowStartMs, symbol, ...finding });
  };
  for (const [symbol, expected] of judged.expected.rows) {
    const stored = judged.stored?.rows.get(symbol);
    const life = stored === undefined || judged.stored === null ? null : lifeOf(judged.stored, stored);
    const columns = candleColumns(expected, life);
    const row = found.get(symbol);
    const isBehind = row === undefined || (life !== null && Number(row['version']) < life.version);
    if (isBehind && !of.isReached) {
      tally.skip('candles_5s', 'not reached yet');
      continue;
    }
    if (isBehind && of.isDead()) {
      tally.skip('candles_5s', 'dead letter not redriven');
      continue;
    }
    tally.check('candles_5s');
    if (row === undefined) {
      note(symbol, { kind: 'missing', what: 'candle', expected: showColumns(columns), found: 'no row' });
      continue;
    }
    // Rows of before there were rollups lack their notional.
    const { notional, ...older } = columns;
    const difference = compareColumns(row['notional'] === null ? older : columns, row);
    if (difference !== null) note(symbol, { kind: 'different', ...difference });
  }
  for (const [symbol, row] of found) {
    if (judged.expected.rows.has(symbol)) continue;
    tally.check('candles_5s');
    note(symbol, { kind: 'extra', what: 'candle', expected: 'no row', found: showColumns(row) });
  }
  return wrong;
}
