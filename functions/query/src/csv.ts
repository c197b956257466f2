/** A value of a row as it is answered. */
export type Cell = string | number | boolean | null;

/** A row as it is answered; its keys are the columns. */
export type Row = Readonly<Record<string, Cell>>;

/**
 * Rows as CSV with a header line (RFC 4180, LF line ends). Numbers are written as JSON writes them, so both
 * formats give the same doubles. A text that a spreadsheet would take for a formula gets an apostrophe in
 * front, and so does one that begins with an apostrophe; a whole number below 0 is no formula.
 */
export function toCsv(columns: readonly string[], rows: readonly Row[]): string {
  const lines = rows.map((row) => columns.map((column) => cellText(row[column] ?? null)).join(','));
  return [columns.join(','), ...lines, ''].join('\n');
}

function cellText(value: Cell): string {
  if (value === null) return '';
  if (typeof value !== 'string') return JSON.stringify(value);
  const text = /^(?!-\d+$)['=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
