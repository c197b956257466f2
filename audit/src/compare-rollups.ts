import { type Columns, showColumns } from './columns.ts';
import { isNearly, unitsOf } from './decimal.ts';
import type { ViewRow } from './stored.ts';
import type { Finding, Subject, Tally } from './tally.ts';

/** A table of longer candles: the column that bounds its partitions, and the length of a period. */
export interface RollupTable {
  readonly table: Extract<Subject, 'candles_1m' | 'candles_5m' | 'candles_1h' | 'candles_1d'>;
  readonly bucket: 'day' | 'month' | 'year';
  readonly lengthMs: number;
}

/** The tables of longer candles. */
export const ROLLUP_TABLES: readonly RollupTable[] = [
  { table: 'candles_1m', bucket: 'day', lengthMs: 60_000 },
  { table: 'candles_5m', bucket: 'day', lengthMs: 300_000 },
  { table: 'candles_1h', bucket: 'month', lengthMs: 3_600_000 },
  { table: 'candles_1d', bucket: 'year', lengthMs: 86_400_000 },
];

/** The date in a table's partition key: the day, the first of its month, or the first of its year. */
export function bucketDate(bucket: RollupTable['bucket'], timeMs: number): string {
  const date = new Date(timeMs).toISOString().slice(0, 10);
  if (bucket === 'day') return date;
  return bucket === 'month' ? `${date.slice(0, 7)}-01` : `${date.slice(0, 4)}-01-01`;
}

/** Sums of up to 17,280 doubles, some of them sums already. */
const RELATIVE = 1e-9;
const SUMS = ['volume', 'notional', 'vwap', 'mean_price'] as const;

/** The candle of a longer period, read off the list of its final 5-second ones, ascending; at least one. */
function rollupColumns(parts: readonly Columns[]): Columns {
  const number = (part: Columns | undefined, name: string): number => Number(part?.[name] ?? Number.NaN);
  const all = (name: string): readonly number[] => parts.map((part) => number(part, name));
  const sum = (name: string): number => all(name).reduce((total, value) => total + value, 0);
  // Whole 1e-8 units: a double of them is exact, and so is their sum.
  const units = parts.reduce((total, part) => total + unitsOf(number(part, 'volume')), 0n);
  const volume = Number(units) / 1e8;
  // Rows of before there were rollups lack their notional.
  const notional = parts.reduce(
    (total, part) => total + Number(part['notional'] ?? number(part, 'vwap') * number(part, 'volume')),
    0,
  );
  const count = sum('trade_count');
  const prices = parts.reduce(
    (total, part) => total + number(part, 'mean_price') * number(part, 'trade_count'),
    0,
  );
  const reasons = parts.map((part) => String(part['reason'] ?? '')).filter((reason) => reason !== '');
  return {
    open: number(parts[0], 'open'),
    high: Math.max(...all('high')),
    low: Math.min(...all('low')),
    close: number(parts.at(-1), 'close'),
    volume,
    notional,
    vwap: notional / volume,
    mean_price: prices / count,
    trade_count: count,
    parts: parts.length,
    version: sum('version'),
    revision: sum('revision'),
    state: sum('revision') > 0 ? 'revised' : 'final',
    reason: reasons.at(-1) ?? '',
    complete: parts.every((part) => part['complete'] !== false),
  };
}

/** One symbol's 5-second candles and longer ones of a day. */
export interface RollupCase {
  readonly table: RollupTable;
  readonly shard: string | null;
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
    const difference = differenceOf(columns, row);
    if (difference === null) continue;
    wrong.push({ startMs, columns, found: row });
    tally.find({ subject: table, shard: of.shard, windowStartMs: startMs, symbol: of.symbol, ...difference });
  }
  return wrong;
}

type Difference = Pick<Finding, 'kind' | 'what' | 'expected' | 'found'>;

function differenceOf(expected: Columns | null, found: Columns | null): Difference | null {
  if (expected === null || found === null) {
    if (expected === found) return null;
    return {
      kind: expected === null ? 'extra' : 'missing',
      what: 'candle',
      expected: expected === null ? 'no row' : showColumns(expected),
      found: found === null ? 'no row' : showColumns(found),
    };
  }
  const names = Object.keys(expected).filter((name) => !isSame(name, expected, found));
  if (names.length === 0) return null;
  return {
    kind: 'different',
    what: names.join(', '),
    expected: showColumns(expected, names),
    found: showColumns(found, names),
  };
}

function isSame(name: string, expected: Columns, found: Columns): boolean {
  const [a, b] = [expected[name], found[name]];
  if (SUMS.some((sum) => sum === name) && typeof a === 'number' && typeof b === 'number')
    return isNearly(a, b, RELATIVE);
  return a === b;
}
