import type { ViewRow } from '../read/stored.ts';
import { rollupColumns } from '../recompute/rollup.ts';
import { type Columns, compareColumns, showColumns } from '../values/columns.ts';
import { ranked } from '../values/ranked.ts';
import { isNearly } from '../values/decimal.ts';
import type { RollupTable } from '../values/periods.ts';
import type { Finding, Tally } from '../values/tally.ts';

/** How far sums of old rows, up to 17,280 doubles and some of them sums already, may be from each other. */
const RELATIVE = 1e-9;
const SUMS: ReadonlySet<string> = new Set(['volume', 'notional', 'vwap', 'mean_price']);
const EXACT_SUMS: ReadonlySet<string> = new Set(['volume_e8', 'notional_e16', 'price_sum_e8']);

/** One symbol's 5-second candles and longer ones of a day. */
export interface RollupCase {
  readonly table: RollupTable;
  readonly shard: string;
  readonly symbol: string;
  /** Final 5-second candles, ascending. */
  readonly candles: readonly ViewRow[];
  readonly found: readonly ViewRow[];
  /** Why a period is not judged; null if it is. */
  readonly skip: (startMs: number) => Parameters<Tally['skip']>[1] | null;
}

/** A longer candle that is not as it should be; `columns` null for one too many. */
export interface WrongRollup {
  readonly startMs: number;
  readonly columns: Columns | null;
  readonly found: Columns | null;
}

/** Compares the longer candles of a symbol with its 5-second ones. */
export function compareRollups(of: RollupCase, tally: Tally): readonly WrongRollup[] {
  const { table, lengthMs } = of.table;
  const wrong: WrongRollup[] = [];
  const periods = Map.groupBy(of.candles, ({ timeMs }) => timeMs - (timeMs % lengthMs));
  const found = new Map(of.found.map(({ timeMs, columns }) => [timeMs, columns]));
  for (const startMs of [...new Set([...periods.keys(), ...found.keys()])].toSorted((a, b) => a - b)) {
    const reason = of.skip(startMs);
    if (reason !== null) {
      tally.skip(table, reason);
      continue;
    }
    tally.check(table);
    const parts = periods.get(startMs);
    const row = found.get(startMs) ?? null;
    const columns = parts === undefined ? null : rollupColumns(parts.map((part) => part.columns));
    const isOld =
      row?.['notional_e16'] === null || parts?.some((part) => part.columns['notional_e16'] === null);
    const difference = differenceOf(columns, row, isOld === true);
    if (difference === null) continue;
    wrong.push({ startMs, columns, found: row });
    tally.find({ subject: table, shard: of.shard, windowStartMs: startMs, symbol: of.symbol, ...difference });
  }
  return wrong;
}

type Difference = Pick<Finding, 'kind' | 'what' | 'expected' | 'found'>;

function differenceOf(expected: Columns | null, found: Columns | null, isOld: boolean): Difference | null {
  if (expected === null || found === null) {
    if (expected === found) return null;
    return {
      kind: expected === null ? 'extra' : 'missing',
      what: 'candle',
      expected: expected === null ? 'no row' : showColumns(expected),
      found: found === null ? 'no row' : showColumns(found),
    };
  }
  if (!isOld) {
    const difference = compareColumns(expected, ranked(found));
    return difference === null ? null : { kind: 'different', ...difference };
  }
  const comparable = Object.entries(expected).filter(([name]) => !EXACT_SUMS.has(name));
  const difference = compareColumns(Object.fromEntries(comparable), ranked(found), (name, a, b) =>
    SUMS.has(name) ? isNearly(Number(a), Number(b), RELATIVE) : a === b,
  );
  return difference === null ? null : { kind: 'different', ...difference };
}
