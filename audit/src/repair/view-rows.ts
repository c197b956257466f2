import { translateCassandraError } from '@kandle/runtime/cassandra';
import { RetryableError } from '@kandle/runtime/errors';
import { type Client, types } from 'cassandra-driver';
import type { Cell, Columns } from '../values/columns.ts';
import type { VIEWS } from '../values/tally.ts';

/** A row of a view: its table, its key, and its other columns. */
export interface PlacedRow {
  readonly table: (typeof VIEWS)[number];
  readonly key: Columns;
  readonly columns: Columns;
}

/**
 * What is to become of a row of a view. `found` is what the audit has judged, and `wanted` what it should be;
 * null is no row.
 */
export interface RowChange extends Pick<PlacedRow, 'table' | 'key'> {
  readonly found: Columns | null;
  readonly wanted: Columns | null;
  /**
   * The write timestamp that persist would give the row, microseconds; null to write it over whatever is there.
   */
  readonly timestamp: bigint | null;
}

/** A row as it is, and the newest write timestamp of its columns. */
export interface CurrentRow {
  readonly columns: Columns;
  readonly newest: bigint;
}

/**
 * How a row got there: in its place among other versions, or over a later write, which hides later versions.
 */
export type Written = 'in its place' | 'over a later write';

const OPTIONS = { prepare: true, isIdempotent: true } as const;
const MICROSECONDS = 1_000n;

/** The views as a repair needs them. Every method throws RetryableError when the database is not to be had. */
export interface ViewRows {
  /** A row; null if there is none. */
  read(place: Pick<PlacedRow, 'table' | 'key'>): Promise<CurrentRow | null>;
  /** Writes a row as of a time, microseconds: what was written or deleted later is not touched. */
  insert(row: PlacedRow, timestamp: bigint): Promise<void>;
  /** Deletes what was written of a row up to a time. */
  remove(place: Pick<PlacedRow, 'table' | 'key'>, timestamp: bigint): Promise<void>;
}

/** The views in Cassandra. */
export function createViewRows(client: Client): ViewRows {
  return {
    read: (place) => readViewRow(client, place),
    insert: (row, timestamp) => insert(client, row, timestamp),
    remove: (place, timestamp) => remove(client, place, timestamp),
  };
}

async function readViewRow(
  client: Client,
  { table, key }: Pick<PlacedRow, 'table' | 'key'>,
): Promise<CurrentRow | null> {
  const where = conditions(Object.keys(key));
  const [row] = (await run(client, `SELECT * FROM ${table} WHERE ${where}`, values(key))).rows;
  if (row === undefined) return null;
  const names = row.keys().filter((name) => !(name in key));
  const columns = Object.fromEntries(names.map((name) => [name, cellOf(row.get(name))]));
  const times = names.map((name) => `WRITETIME(${name}) AS ${name}`).join(', ');
  const [written] = (await run(client, `SELECT ${times} FROM ${table} WHERE ${where}`, values(key))).rows;
  const newest = names
    .map((name): unknown => written?.get(name))
    .filter((time) => typeof time === 'bigint')
    .reduce((a, b) => (a > b ? a : b), 0n);
  return { columns, newest };
}

/** True if a row is as it was found to be: every column that was found has its value still. */
export function isAsFound(current: CurrentRow | null, found: Columns | null): boolean {
  if (current === null || found === null) return current === found;
  return Object.entries(found).every(([name, value]) => {
    const now = current.columns[name] ?? null;
    // A number that a hand took away is read as NaN.
    return Object.is(now, value) || (now === null && Number.isNaN(value));
  });
}

/**
 * Makes a row what it should be, and makes sure that it is.
 *
 * A row that somebody wrote or deleted with a wall clock's timestamp hides what persist writes: then it is
 * written just above that, or, where only the time of a deletion can be the reason, as of now.
 *
 * @throws {RetryableError} If the database is not to be had, or the row cannot be seen even then.
 */
export async function changeViewRow(
  rows: ViewRows,
  change: RowChange,
  current: CurrentRow | null,
  nowMs: number,
): Promise<Written> {
  const { table, key, wanted, timestamp } = change;
  if (wanted === null) {
    // As of its own timestamp, so that a later version of it would be seen.
    if (current !== null) await rows.remove(change, current.newest);
    return 'in its place';
  }
  if (timestamp !== null && (current === null || current.newest < timestamp)) {
    await rows.insert({ table, key, columns: wanted }, timestamp);
    if (isAsFound(await rows.read(change), wanted)) return 'in its place';
  }
  const newest = (await rows.read(change))?.newest ?? current?.newest;
  const aboveAll = newest === undefined ? BigInt(nowMs) * MICROSECONDS : newest + ABOVE;
  await rows.insert({ table, key, columns: wanted }, aboveAll);
  if (isAsFound(await rows.read(change), wanted)) return 'over a later write';
  throw new RetryableError(`Cannot repair a row of ${table}: what was written is not what is read`);
}

/**
 * Above a version, and above the one that follows it: an undone row is not to mix with the event of its
 * undoing.
 */
const ABOVE = 2n;

async function remove(
  client: Client,
  { table, key }: Pick<PlacedRow, 'table' | 'key'>,
  timestamp: bigint,
): Promise<void> {
  await run(client, `DELETE FROM ${table} USING TIMESTAMP ? WHERE ${conditions(Object.keys(key))}`, [
    timestamp,
    ...values(key),
  ]);
}

async function insert(client: Client, { table, key, columns }: PlacedRow, timestamp: bigint): Promise<void> {
  const names = [...Object.keys(key), ...Object.keys(columns)];
  await run(
    client,
    `INSERT INTO ${table} (${names.join(', ')}) VALUES (${names.map(() => '?').join(', ')}) USING TIMESTAMP ?`,
    [...values(key), ...values(columns), timestamp],
  );
}

function conditions(names: readonly string[]): string {
  return names.map((name) => `${name} = ?`).join(' AND ');
}

/** Columns that are times, by name; the rest is as it is. */
const TIMES: ReadonlySet<string> = new Set([
  'bucket',
  'time',
  'start',
  'from_time',
  'to_time',
  'backfilled_at',
]);

function values(columns: Columns): unknown[] {
  return Object.entries(columns).map(([name, value]) => {
    if (value === null) return null;
    if (TIMES.has(name)) return new Date(Number(value));
    return name === 'day' ? types.LocalDate.fromString(String(value)) : value;
  });
}

function cellOf(value: unknown): Cell {
  if (value instanceof Date) return value.getTime();
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint') return value;
  return typeof value === 'boolean' ? value : null;
}

async function run(client: Client, query: string, params: unknown[]): Promise<types.ResultSet> {
  try {
    return await client.execute(query, params, OPTIONS);
  } catch (error) {
    throw translateCassandraError(error, 'repair a view');
  }
}
