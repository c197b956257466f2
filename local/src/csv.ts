import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';

/** A cell: numbers are written in their shortest exact form, texts quoted where they must be (RFC 4180). */
export type Cell = string | number;

/** Writes a CSV file with a header line and `\n` line ends. @returns The number of rows written. */
export async function writeCsv(
  path: string,
  columns: readonly string[],
  rows: AsyncIterable<readonly Cell[]>,
): Promise<number> {
  const file = createWriteStream(path);
  file.write(`${columns.join(',')}\n`);
  let count = 0;
  for await (const row of rows) {
    count += 1;
    if (!file.write(`${row.map(formatCell).join(',')}\n`)) await once(file, 'drain');
  }
  file.end();
  await finished(file);
  return count;
}

function formatCell(cell: Cell): string {
  const text = String(cell);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
