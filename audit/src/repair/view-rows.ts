import { translateCassandraError } from '@kandle/runtime/cassandra';
import { RetryableError } from '@kandle/runtime/errors';
import { type Client, types } from 'cassandra-driver';
import type { Columns } from '../values/columns.ts';
import type { Subject } from '../values/tally.ts';

/** A row of a view: its table, key and other columns, and the write timestamp that persist would give it. */
export interface ViewRow {
  readonly table: Exclude<Subject, 'windows' | 'market.raw.v1' | 'market.candles.v1'>;
  readonly key: Columns;
  readonly columns: Columns;
  /** Microseconds. */
  readonly timestamp: bigint;
}

/** How a row got there: in its place among other versions, or over a later write, which hides later versions. */
export type Written = 'in its place' | 'over a later write';

const OPTIONS = { prepare: true, isIdempotent: true } as const;
const MICROSECONDS = 1_000n;

/**
 * Writes a row as persist would, and makes sure that it is there.
 *
 * A row that somebody wrote or deleted with a wall clock's timestamp hides what persist writes: then it is written
 * with a later one.
 *
 * @throws {RetryableError} If the database is not to be had, or the row cannot be seen even then.
 */
export async function writeViewRow(client: Client, row: ViewRow, nowMs: number): Promise<Written> {
  await insert(client, row, row.timestamp);
  if (await isThere(client, row)) return 'in its place';
  const newest = await newestTimestamp(client, row);
  const now = BigInt(nowMs) * MICROSECONDS;
  await insert(client, row, newest !== null && newest >= now ? newest + 1n : now);
  if (await isThere(client, row)) return 'over a later write';
  throw new RetryableError(`Cannot repair a row of ${row.table}: what was written is not what is read`);
}

/** Removes a row as of its own timestamp, so that a later version of it would be seen. */
export async function removeViewRow(
  client: Client,
  row: Pick<ViewRow, 'table' | 'key' | 'columns'>,
): Promise<void> {
  const newest = await newestTimestamp(client, row);
  if (newest === null) return;
  const names = Object.keys(row.key);
  await run(client, `DELETE FROM ${row.table} USING TIMESTAMP ? WHERE ${conditions(names)}`, [
    newest,
    ...values(row.key),
  ]);
}

async function insert(client: Client, { table, key, columns }: ViewRow, timestamp: bigint): Promise<void> {
  const names = [...Object.keys(key), ...Object.keys(columns)];
  await run(
    client,
    `INSERT INTO ${table} (${names.join(', ')}) VALUES (${names.map(() => '?').join(', ')}) USING TIMESTAMP ?`,
    [...values(key), ...values(columns), timestamp],
  );
}

async function isThere(client: Client, { table, key, columns }: ViewRow): Promise<boolean> {
  const names = Object.keys(columns);
  const { rows } = await run(
    client,
    `SELECT ${names.join(', ')} FROM ${table} WHERE ${conditions(Object.keys(key))}`,
    values(key),
  );
  const [found] = rows;
  const expected = values(columns);
  return found !== undefined && names.every((name, n) => isSame(found[name], expected[n]));
}

async function newestTimestamp(
  client: Client,
  { table, key, columns }: Pick<ViewRow, 'table' | 'key' | 'columns'>,
): Promise<bigint | null> {
  const names = Object.keys(columns);
  const times = names.map((name) => `WRITETIME(${name}) AS w_${name}`).join(', ');
  const { rows } = await run(
    client,
    `SELECT ${times} FROM ${table} WHERE ${conditions(Object.keys(key))}`,
    values(key),
  );
  const found = names
    .map((name): unknown => rows[0]?.[`w_${name}`])
    .filter((time) => typeof time === 'bigint');
  return found.length === 0 ? null : found.reduce((a, b) => (a > b ? a : b));
}

function conditions(names: readonly string[]): string {
  return names.map((name) => `${name} = ?`).join(' AND ');
}

/** Columns that are times, by name; the rest is as it is. */
const TIMES: ReadonlySet<string> = new Set(['hour', 'time', 'start', 'from_time', 'to_time']);

const DATES: ReadonlySet<string> = new Set(['day', 'month', 'year']);

function values(columns: Columns): unknown[] {
  return Object.entries(columns).map(([name, value]) => {
    if (TIMES.has(name)) return new Date(Number(value));
    return DATES.has(name) ? types.LocalDate.fromString(String(value)) : value;
  });
}

function isSame(found: unknown, expected: unknown): boolean {
  return found instanceof Date && expected instanceof Date
    ? found.getTime() === expected.getTime()
    : found === expected;
}

async function run(client: Client, query: string, params: unknown[]): Promise<types.ResultSet> {
  try {
    return await client.execute(query, params, OPTIONS);
  } catch (error) {
    throw translateCassandraError(error, 'repair a view');
  }
}
