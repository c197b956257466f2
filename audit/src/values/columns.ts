import { isNearly } from './decimal.ts';

/** A value of a column, as read or as computed. */
export type Cell = string | number | bigint | boolean | null;

/** The columns of a row by name. */
export type Columns = Readonly<Record<string, Cell>>;

/** What differs between two rows: the names of the columns, and their values on both sides as text. */
export interface ColumnDifference {
  readonly what: string;
  readonly expected: string;
  readonly found: string;
}

/** Columns that are quotients: their last bits depend on how they were computed. */
const QUOTIENTS: ReadonlySet<string> = new Set(['vwap', 'mean_price', 'notional']);

/** Compares the columns that are expected, or returns null when they are all as expected. */
export function compareColumns(expected: Columns, found: Columns): ColumnDifference | null {
  const names = Object.keys(expected).filter((name) => !isSame(name, expected[name], found[name]));
  if (names.length === 0) return null;
  const show = (columns: Columns): string => showColumns(columns, names);
  return { what: names.join(', '), expected: show(expected), found: show(found) };
}

/** Columns as text, `open 1 high 2`: all of them, or those named. */
export function showColumns(columns: Columns, names: readonly string[] = Object.keys(columns)): string {
  return names.map((name) => `${name} ${String(columns[name] ?? null)}`).join(', ');
}

function isSame(name: string, a: Cell | undefined, b: Cell | undefined): boolean {
  if (QUOTIENTS.has(name) && typeof a === 'number' && typeof b === 'number') return isNearly(a, b);
  return a === b;
}
