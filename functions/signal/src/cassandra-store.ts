import type { WindowKey } from '@kandle/market/window/window';
import { column, jsonColumn, parseRow, parseRows } from '@kandle/runtime/cassandra-rows';
import {
  CONDITIONAL,
  expectedVersion,
  QUORUM_READ,
  readFromCassandra,
  readPartition,
  writeConditionally,
} from '@kandle/runtime/conditional';
import {
  ABSENT,
  RowCandleSchema,
  SeriesStateSchema,
  type StateRow,
  type StateWindow,
} from '@kandle/market/signal/series-state';
import { SignalSchema } from '@kandle/market/signal/signal-batch';
import type { Client, types } from 'cassandra-driver';
import { z } from 'zod';
import type { StateStore } from './stores.ts';

const READ = 'SELECT * FROM indicator_states WHERE shard = ? AND window_start = ?';
const READ_VERSIONS =
  'SELECT DISTINCT shard, window_start, version FROM indicator_states WHERE shard = ? AND window_start IN ?';
const WRITE =
  'UPDATE indicator_states SET version = ?, pending = ?, recomputed_to = ? WHERE shard = ? AND window_start = ? IF version = ?';
const WRITE_ROW =
  'UPDATE indicator_states SET row_version = ?, state_version = ?, candle_version = ?, prev_start = ?, ' +
  'prev_version = ?, repeated = ?, restarted = ?, candle = ?, state = ?, signals = ? ' +
  'WHERE shard = ? AND window_start = ? AND symbol = ?';

/** Rows fetched at once; each has about 1.1 KB. */
const FETCH_ROWS = 2_000;

/** The states in Cassandra: one conditional batch, so one Paxos round, however many symbols an event moved. */
export function createStateStore(client: Client): StateStore {
  return {
    async read({ shard, windowStartMs }) {
      const params = [shard, new Date(windowStartMs)];
      const read = { query: READ, params, fetchSize: FETCH_ROWS };
      return toWindow(await readPartition(client, 'read a state window', read));
    },
    // Not serial, which several partitions cannot be; a local quorum sees every write that was acknowledged.
    async readVersions(shard, windowStartsMs) {
      const starts = windowStartsMs.map((startMs) => new Date(startMs));
      const result = await readFromCassandra('read the versions of state windows', () =>
        client.execute(READ_VERSIONS, [shard, starts], QUORUM_READ),
      );
      return new Map(
        parseRows(VersionSchema, result.rows, 'read the versions of state windows').flatMap(
          ({ window_start, version }) => (version === null ? [] : [[window_start, version]]),
        ),
      );
    },
    compareAndSet: (key, next, changed) =>
      writeConditionally('write a state window', () =>
        client.batch(
          [
            {
              query: WRITE,
              params: [
                next.version,
                next.pending,
                next.recomputedToMs === null ? null : new Date(next.recomputedToMs),
                key.shard,
                new Date(key.windowStartMs),
                expectedVersion(next.version),
              ],
            },
            ...changed.map((symbol) => ({ query: WRITE_ROW, params: rowParams(key, symbol, next) })),
          ],
          CONDITIONAL,
        ),
      ),
  };
}

function rowParams({ shard, windowStartMs }: WindowKey, symbol: string, next: StateWindow): unknown[] {
  const row = next.rows.get(symbol);
  if (row === undefined)
    throw new RangeError(`Cannot write a state window: ${symbol} changed but has no row`);
  return [
    row.version,
    row.stateVersion,
    row.candle?.version ?? 0,
    row.basis === null ? null : new Date(row.basis.startMs),
    row.basis?.stateVersion ?? null,
    row.repeated,
    row.restarted,
    row.candle === null ? '' : JSON.stringify(row.candle),
    JSON.stringify(row.state),
    row.signals.length === 0 ? '' : JSON.stringify(row.signals),
    shard,
    new Date(windowStartMs),
    symbol,
  ];
}

/** What stands once in a window. */
const HeaderSchema = z.object({
  version: column.int,
  pending: column.optionalInt,
  recomputed_to: column.timestamp.nullable(),
});

const VersionSchema = z.object({ window_start: column.timestamp, version: column.int.nullable() });

/** A symbol's row in a window. */
const RowSchema = z.object({
  symbol: column.text,
  row_version: column.int,
  state_version: column.int,
  candle: jsonColumn(RowCandleSchema).or(z.literal('')).nullable(),
  prev_start: column.timestamp.nullable(),
  prev_version: column.optionalInt,
  repeated: column.int,
  restarted: column.boolean,
  state: jsonColumn(SeriesStateSchema),
  signals: jsonColumn(z.array(SignalSchema)).or(z.literal('')).nullable(),
});

function toWindow(rows: readonly types.Row[]): StateWindow {
  const [first] = rows;
  if (first === undefined || first['version'] === null) return ABSENT;
  const { version, pending, recomputed_to } = parseRow(HeaderSchema, first, 'read a state window');
  return {
    version,
    pending,
    recomputedToMs: recomputed_to,
    rows: new Map(
      parseRows(
        RowSchema,
        rows.filter((row) => row['symbol'] !== null),
        'read a state window',
      ).map((row) => [row.symbol, toRow(row)]),
    ),
  };
}

function toRow(row: z.infer<typeof RowSchema>): StateRow {
  return {
    version: row.row_version,
    stateVersion: row.state_version,
    candle: row.candle || null,
    basis: row.prev_start === null ? null : { startMs: row.prev_start, stateVersion: row.prev_version },
    repeated: row.repeated,
    restarted: row.restarted,
    state: row.state,
    signals: row.signals || [],
  };
}
