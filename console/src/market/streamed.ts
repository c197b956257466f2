/** What an event of the stream tells of one feed. */
export interface Streamed {
  readonly feed: string;
  readonly rows: readonly StreamedRow[];
}

/** A row of which nothing is known yet but whose it is. */
export interface StreamedRow {
  readonly symbol: string;
  readonly [name: string]: unknown;
}

/**
 * Reads an event's data; null if it is of another shape. By hand and without a copy, because the stream tells
 * of all symbols and of most of them the page wants two numbers: the rows of the one that is drawn are read by
 * schema.
 */
export function readStreamed(data: unknown): Streamed | null {
  if (!isRecord(data)) return null;
  const { feed, rows } = data;
  if (typeof feed !== 'string' || !Array.isArray(rows) || !rows.every(isStreamedRow)) return null;
  return { feed, rows };
}

/** When a streamed candle began, and its newest price; null where it has none. */
export function readClose({ start, close }: StreamedRow): { start: number; close: number } | null {
  return typeof start === 'number' && typeof close === 'number' ? { start, close } : null;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function isStreamedRow(row: unknown): row is StreamedRow {
  return isRecord(row) && typeof row['symbol'] === 'string';
}
