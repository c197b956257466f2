import type { WindowKey } from '@kandle/market/window/window';
import {
  CONDITIONAL,
  expectedVersion,
  QUORUM_READ,
  readFromCassandra,
  readPartition,
  writeConditionally,
} from '@kandle/runtime/conditional';
import type { Signal } from '@kandle/market/signal/signal-batch';
import type { Client, types } from 'cassandra-driver';
import {
  ABSENT,
  type Basis,
  type RowCandle,
  type SeriesState,
  type StateRow,
  type StateWindow,
} from '@kandle/market/signal/series-state';
import type { StateStore } from './stores.ts';

const READ = 'SELECT * FROM indicator_states WHERE shard = ? AND window_start = ?';
const READ_VERSIONS =
  'SELECT DISTINCT shard, window_start, version FROM indicator_states WHERE shard = ? AND window_start IN ?';
const WRITE =
  'UPDATE indicator_states SET version = ?, pending = ? WHERE shard = ? AND window_start = ? IF version = ?';
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
        result.rows
          .filter((row) => row['version'] !== null)
          .map((row) => [toMs(row['window_start']), Number(row['version'])]),
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

function toWindow(rows: readonly types.Row[]): StateWindow {
  const [first] = rows;
  if (first === undefined || first['version'] === null) return ABSENT;
  return {
    version: Number(first['version']),
    pending: Number(first['pending'] ?? 0),
    rows: new Map(
      rows.filter((row) => row['symbol'] !== null).map((row) => [String(row['symbol']), toRow(row)]),
    ),
  };
}

/** The texts are what `rowParams` wrote, and nobody else writes here: they are not checked again. */
function toRow(row: types.Row): StateRow {
  const [candle, signals] = [String(row['candle'] ?? ''), String(row['signals'] ?? '')];
  return {
    version: Number(row['row_version']),
    stateVersion: Number(row['state_version']),
    candle: candle === '' ? null : (JSON.parse(candle) as RowCandle),
    basis: toBasis(row),
    repeated: Number(row['repeated']),
    restarted: Boolean(row['restarted']),
    state: JSON.parse(String(row['state'])) as SeriesState,
    signals: signals === '' ? [] : (JSON.parse(signals) as readonly Signal[]),
  };
}

function toBasis(row: types.Row): Basis | null {
  const start: unknown = row['prev_start'];
  return start instanceof Date
    ? { startMs: start.getTime(), stateVersion: Number(row['prev_version']) }
    : null;
}

function toMs(value: unknown): number {
  if (!(value instanceof Date)) throw new TypeError('Cannot read a state window: its start is no time');
  return value.getTime();
}
