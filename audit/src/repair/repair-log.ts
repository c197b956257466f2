import { translateCassandraError } from '@kandle/runtime/cassandra';
import { RetryableError } from '@kandle/runtime/errors';
import { type Client, type QueryOptions, types } from 'cassandra-driver';
import { z } from 'zod';
import type { StoredWindow } from '../read/stored.ts';
import type { Columns } from '../values/columns.ts';
import { VIEWS } from '../values/tally.ts';
import type { PlacedRow } from './view-rows.ts';

/** Something as it was before a repair changed it, and as it is to be after it. */
export type Change = WindowChange | ViewChange;

/** A partition of `windows`; null for one that was never written. */
export interface WindowChange {
  readonly kind: 'window';
  readonly shard: string;
  readonly windowStartMs: number;
  /** The shard's feed samples. */
  readonly isSampled: boolean;
  readonly before: StoredWindow | null;
  readonly after: StoredWindow;
}

/** A row of a view; null for no row. */
export interface ViewChange extends Pick<PlacedRow, 'table' | 'key'> {
  readonly kind: 'row';
  readonly before: Columns | null;
  readonly after: Columns | null;
}

/** What a repair changes, written down before it is changed. */
export interface RepairLog {
  /** The repair's name: when it began. */
  readonly name: string;
  write(change: Change): Promise<void>;
}

const INSERT = 'INSERT INTO repairs (repair, part, step, change) VALUES (?, ?, ?, ?)';
const READ = 'SELECT change FROM repairs WHERE repair = ? AND part = ?';
const NAMES = 'SELECT DISTINCT repair, part FROM repairs';
/** Changes in one partition of the table. */
const PART = 1_000;
const OPTIONS: QueryOptions = {
  prepare: true,
  isIdempotent: true,
  consistency: types.consistencies.localQuorum,
};

/** Opens the record of a repair that begins. */
export function openRepairLog(client: Client, name: string): RepairLog {
  let steps = 0;
  return {
    name,
    async write(change) {
      await run(client, INSERT, [name, Math.floor(steps / PART), steps, formatChange(change)]);
      steps += 1;
    },
  };
}

/** The name of the newest repair; null if there was none. @throws {RetryableError} If the database is away. */
export async function newestRepair(client: Client): Promise<string | null> {
  const { rows } = await run(client, NAMES, []);
  return (
    rows
      .map((row) => String(row['repair']))
      .toSorted()
      .at(-1) ?? null
  );
}

/**
 * What a repair changed, in order. @throws {RetryableError} If the database is away, or the record is damaged.
 */
export async function readRepair(client: Client, name: string): Promise<readonly Change[]> {
  const changes: Change[] = [];
  for (let part = 0; ; part++) {
    const { rows } = await run(client, READ, [name, part]);
    changes.push(...rows.map((row) => parseChange(String(row['change']))));
    if (rows.length < PART) return changes;
  }
}

async function run(client: Client, query: string, params: unknown[]): Promise<types.ResultSet> {
  try {
    return await client.execute(query, params, { ...OPTIONS, fetchSize: PART });
  } catch (error) {
    throw translateCassandraError(error, 'keep the record of a repair');
  }
}

/** A bigint and what is no finite number have no JSON of their own. */
function formatChange(change: Change): string {
  return JSON.stringify(change, (_, value: unknown) => {
    if (typeof value === 'bigint') return { bigint: String(value) };
    if (value instanceof Map) return { map: [...value] };
    return typeof value === 'number' && !Number.isFinite(value) ? { number: String(value) } : value;
  });
}

const TaggedSchema = z.union([
  z.strictObject({ bigint: z.string() }).transform(({ bigint }) => BigInt(bigint)),
  z.strictObject({ number: z.string() }).transform(({ number }) => Number(number)),
  z.strictObject({ map: z.array(z.tuple([z.string(), z.unknown()])) }).transform(({ map }) => new Map(map)),
]);

const ColumnsSchema = z.record(
  z.string(),
  z.union([z.string(), z.number(), z.nan(), z.bigint(), z.boolean(), z.null()]),
);
const WindowSchema = z.object({
  version: z.int(),
  finalVersion: z.int(),
  incompleteVersion: z.int(),
  applied: z.string(),
  minOffset: z.bigint().nullable(),
  rows: z.map(
    z.string(),
    z.object({
      symbol: z.string(),
      rowVersion: z.int(),
      revision: z.int(),
      reason: z.string(),
      columns: ColumnsSchema,
    }),
  ),
});
const ChangeSchema = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('window'),
    shard: z.string(),
    windowStartMs: z.int(),
    // A record of before 2026-11-29 is of trades: nothing else was repaired.
    isSampled: z.boolean().default(false),
    before: WindowSchema.nullable(),
    after: WindowSchema,
  }),
  z.object({
    kind: z.literal('row'),
    table: z.enum(VIEWS),
    key: ColumnsSchema,
    before: ColumnsSchema.nullable(),
    after: ColumnsSchema.nullable(),
  }),
]);

function parseChange(text: string): Change {
  const parsed = ChangeSchema.safeParse(
    JSON.parse(text, (_, value: unknown) => {
      const tagged = TaggedSchema.safeParse(value);
      return tagged.success ? tagged.data : value;
    }),
  );
  if (parsed.success) return parsed.data;
  throw new RetryableError(`Cannot read the record of a repair: ${z.prettifyError(parsed.error)}`);
}
