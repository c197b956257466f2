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

/**
 * Compares the columns that are expected, or returns null when they are all as expected.
 *
 * @param isSame Whether two values count as the same; by default if they are identical.
 */
export function compareColumns(
  expected: Columns,
  found: Columns,
  isSame: (name: string, a: Cell, b: Cell) => boolean = (_, a, b) => Object.is(a, b),
): ColumnDifference | null {
  const names = Object.keys(expected).filter(
    (name) => !isSame(name, expected[name] ?? null, found[name] ?? null),
  );
  if (names.length === 0) return null;
  const show = (columns: Columns): string => showColumns(columns, names);
  return { what: names.join(', '), expected: show(expected), found: show(found) };
}

/** Columns as text, `open 1 high 2`: all of them, or those named. */
export function showColumns(columns: Columns, names: readonly string[] = Object.keys(columns)): string {
  return names.map((name) => `${name} ${String(columns[name] ?? null)}`).join(', ');
}
