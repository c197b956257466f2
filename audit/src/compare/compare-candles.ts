import { candleColumns, type CandleLife, lifeOf } from '../recompute/candle.ts';
import {
  type Cell,
  type ColumnDifference,
  type Columns,
  compareColumns,
  showColumns,
} from '../values/columns.ts';
import { ranked } from '../values/ranked.ts';
import { isNearly } from '../values/decimal.ts';
import type { Finding, Tally } from '../values/tally.ts';
import type { JudgedWindow } from './compare-window.ts';

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

/**
 * Compares a window's candles in `candles_5s`; returns the symbols whose rows are missing, extra or different.
 */
export function compareCandles(of: CandleCase, tally: Tally): readonly string[] {
  const { shard, windowStartMs, judged, found } = of;
  const wrong: string[] = [];
  const note = (symbol: string, finding: Pick<Finding, 'kind' | 'what' | 'expected' | 'found'>): void => {
    wrong.push(symbol);
    tally.find({ subject: 'candles_5s', shard, windowStartMs, symbol, ...finding });
  };
  for (const [symbol, expected] of judged.expected.rows) {
    const life = expectedLife(judged, symbol);
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
    const difference = compareWithRow(columns, row);
    if (difference !== null) note(symbol, { kind: 'different', ...difference });
  }
  for (const [symbol, row] of found) {
    if (judged.expected.rows.has(symbol)) continue;
    tally.check('candles_5s');
    note(symbol, { kind: 'extra', what: 'candle', expected: 'no row', found: showColumns(row) });
  }
  return wrong;
}

function expectedLife({ stored }: JudgedWindow, symbol: string): CandleLife | null {
  const row = stored?.rows.get(symbol);
  return row === undefined || stored === null ? null : lifeOf(stored, row);
}

/** The columns that a window's rows of `candles_5s` should have, by symbol. */
export function expectedCandles(judged: JudgedWindow): ReadonlyMap<string, Columns> {
  return new Map(
    [...judged.expected.rows].map(([symbol, row]) => [
      symbol,
      candleColumns(row, expectedLife(judged, symbol)),
    ]),
  );
}

const QUOTIENTS: ReadonlySet<string> = new Set(['vwap', 'mean_price', 'notional']);

/**
 * An old row lacks its exact sums, and its doubles may differ in their last bits; the oldest lack their
 * notional too.
 */
function compareWithRow(columns: Columns, row: Columns): ColumnDifference | null {
  if (row['notional_e16'] !== null) return compareColumns(columns, ranked(row));
  const { volume_e8: _, notional_e16: __, price_sum_e8: ___, notional, ...oldest } = columns;
  const isSame = (name: string, a: Cell, b: Cell): boolean =>
    QUOTIENTS.has(name) ? isNearly(Number(a), Number(b)) : a === b;
  return compareColumns(
    row['notional'] === null ? oldest : { ...oldest, notional: notional ?? null },
    ranked(row),
    isSame,
  );
}
