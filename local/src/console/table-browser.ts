import { type Client, types } from 'cassandra-driver';
import { z } from 'zod';
import { RefusedRequest } from './local-pages.ts';

/** A read-only look into a keyspace: names come from its schema, and from nowhere else. */
export interface TableBrowser {
  tables(): Promise<readonly TableFacts[]>;
  /** The first rows that Cassandra gives. @throws {RefusedRequest} If there is no such table. */
  rows(table: string, limit: number): Promise<TableRows>;
  /** The newest audit; null if there was none. */
  lastAudit(): Promise<unknown>;
}

/** What the schema says of a table. */
export interface TableFacts {
  readonly name: string;
  readonly columns: readonly { readonly name: string; readonly type: string; readonly kind: string }[];
  /** Seconds; 0 for ever. */
  readonly ttlSeconds: number;
  readonly compaction: string;
  /** On disk, rounded up, without what is still in memory; null if Cassandra does not say. */
  readonly mebibytes: number | null;
  /** Counted up to a thousand; null if Cassandra does not say. */
  readonly rows: number | null;
  readonly hasMoreRows: boolean;
}

/** Rows as text. */
export interface TableRows {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** The class of a table's compaction, without its package. */
const CompactionSchema = z
  .object({ class: z.string() })
  .transform(({ class: name }) => name.replace(/^.*\./, ''))
  .catch('');
/** Rows that are counted: Cassandra reads all that it counts. */
const MAX_COUNTED = 1_000;
/** Longest text of a cell, characters. */
const MAX_CELL = 2_000;
const KIND_ORDER = ['partition_key', 'clustering', 'static', 'regular'];

/** Builds the look into a keyspace. */
export function createTableBrowser(client: Client, keyspace: string): TableBrowser {
  async function select(query: string, params: readonly unknown[] = [], limit = 5_000) {
    const { rows } = await client.execute(query, [...params], { prepare: true, fetchSize: limit });
    return rows;
  }

  async function schema(): Promise<readonly Omit<TableFacts, 'rows' | 'hasMoreRows'>[]> {
    const [found, columns, sizes] = await Promise.all([
      select(
        'SELECT table_name, default_time_to_live, compaction FROM system_schema.tables WHERE keyspace_name = ?',
        [keyspace],
      ),
      select(
        'SELECT table_name, column_name, type, kind, position FROM system_schema.columns WHERE keyspace_name = ?',
        [keyspace],
      ),
      select('SELECT table_name, mebibytes FROM system_views.disk_usage WHERE keyspace_name = ?', [
        keyspace,
      ]).catch(() => []),
    ]);
    const sizeOf = new Map(sizes.map((row) => [String(row['table_name']), Number(row['mebibytes'])]));
    return found.map((row) => {
      const name = String(row['table_name']);
      const own = columns.filter((column) => column['table_name'] === name);
      return {
        name,
        columns: own
          .toSorted(
            (a, b) =>
              KIND_ORDER.indexOf(String(a['kind'])) - KIND_ORDER.indexOf(String(b['kind'])) ||
              Number(a['position']) - Number(b['position']),
          )
          .map((column) => ({
            name: String(column['column_name']),
            type: String(column['type']),
            kind: String(column['kind']),
          })),
        ttlSeconds: Number(row['default_time_to_live']),
        compaction: CompactionSchema.parse(row['compaction']),
        mebibytes: sizeOf.get(name) ?? null,
      };
    });
  }

  /** Null if Cassandra does not say. */
  async function countRows(table: string, key: string): Promise<number | null> {
    const limit = MAX_COUNTED + 1;
    const query = `SELECT ${quoted(key)} FROM ${quoted(keyspace)}.${quoted(table)} LIMIT ${limit}`;
    return select(query, [], limit).then(
      ({ length }) => length,
      () => null,
    );
  }

  return {
    async tables() {
      const facts: TableFacts[] = [];
      // One after the other: the pipeline at work goes first.
      for (const table of await schema()) {
        const counted = await countRows(table.name, table.columns[0]?.name ?? '');
        const hasMoreRows = (counted ?? 0) > MAX_COUNTED;
        facts.push({ ...table, rows: hasMoreRows ? MAX_COUNTED : counted, hasMoreRows });
      }
      return facts;
    },
    async rows(table, limit) {
      const known = (await schema()).find(({ name }) => name === table);
      if (known === undefined) throw new RefusedRequest(404, `There is no table ${table}`);
      const columns = known.columns.map(({ name }) => name);
      // Both names are those of the schema, quoted; the limit is a number.
      const query = `SELECT ${columns.map(quoted).join(', ')} FROM ${quoted(keyspace)}.${quoted(known.name)} LIMIT ${limit}`;
      const found = await select(query, [], limit);
      return { columns, rows: found.map((row) => columns.map((name) => textOf(row[name]))) };
    },
    async lastAudit() {
      const [row] = await select(
        `SELECT scope, finished_at, verdict, differences, trades_checked, windows_checked, candles_checked FROM ${quoted(keyspace)}.audits WHERE scope = 'all' LIMIT 1`,
      );
      return row === undefined
        ? null
        : {
            finishedMs: (row['finished_at'] as Date).getTime(),
            verdict: String(row['verdict']),
            differences: Number(row['differences']),
            tradesChecked: Number(row['trades_checked']),
            windowsChecked: Number(row['windows_checked']),
          };
    },
  };
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function textOf(value: unknown): string {
  if (value === null || value === undefined) return '';
  if (value instanceof Date) return value.toISOString();
  if (Buffer.isBuffer(value)) return `0x${value.toString('hex').slice(0, MAX_CELL)}`;
  if (value instanceof types.LocalDate) return value.toString();
  const text = typeof value === 'string' ? value : JSON.stringify(value, bigintText);
  return text.slice(0, MAX_CELL);
}

function bigintText(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}
