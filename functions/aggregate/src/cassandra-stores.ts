import { parseApplied, formatApplied } from '@kandle/market/window/applied';
import { formatSpans, parseSpans } from '@kandle/market/window/gap-spans';
import { e16, e8 } from '@kandle/market/number/fixed-point';
import { ABSENT_SHARD } from '@kandle/market/window/shard-state';
import { formatTradeKey, parseTradeKey } from '@kandle/market/trade/trade';
import { WINDOW_MS, type WindowKey } from '@kandle/market/window/window';
import {
  ABSENT_WINDOW,
  type RevisionReason,
  type WindowRow,
  type WindowState,
} from '@kandle/market/window/window-state';
import {
  CONDITIONAL,
  expectedVersion,
  QUORUM_READ,
  readFromCassandra,
  readPartition,
  SERIAL_READ,
  writeConditionally,
} from '@kandle/runtime/conditional';
import type { Client, types } from 'cassandra-driver';
import type { ShardStore, WindowStore } from './stores.ts';

const READ_WINDOW = 'SELECT * FROM windows WHERE shard = ? AND window_start = ?';
const READ_WRITTEN =
  'SELECT DISTINCT shard, window_start, version FROM windows WHERE shard = ? AND window_start IN ?';
const WRITE_WINDOW =
  'UPDATE windows SET version = ?, final_version = ?, incomplete_version = ?, applied = ?, min_offset = ? ' +
  'WHERE shard = ? AND window_start = ? IF version = ?';
const WRITE_ROW =
  'UPDATE windows SET row_version = ?, revision = ?, reason = ?, first_key = ?, last_key = ?, open_e8 = ?, ' +
  'high_e8 = ?, low_e8 = ?, close_e8 = ?, volume_e8 = ?, notional_e16 = ?, price_sum_e8 = ?, trade_count = ?, ' +
  'id_hash_sum = ? WHERE shard = ? AND window_start = ? AND symbol = ?';
const READ_SHARD = 'SELECT version, closed_to, open, gaps FROM shards WHERE shard = ?';
const WRITE_SHARD =
  'UPDATE shards SET version = ?, closed_to = ?, open = ?, gaps = ? WHERE shard = ? IF version = ?';

/** Rows fetched at once; each has about 200 bytes. */
const FETCH_ROWS = 5_000;
/** Windows looked for in one statement: each is a partition of its own. */
const LOOK_AT_ONCE = 100;

/** The windows in Cassandra: one conditional batch, so one Paxos round, however many symbols a batch moved. */
export function createWindowStore(client: Client): WindowStore {
  return {
    async read({ shard, windowStartMs }) {
      const params = [shard, new Date(windowStartMs)];
      const read = { query: READ_WINDOW, params, fetchSize: FETCH_ROWS };
      return toWindow(await readPartition(client, 'read a window', read), windowStartMs);
    },
    async written(shard, firstMs, lastMs) {
      const found: number[] = [];
      for (let fromMs = firstMs; fromMs <= lastMs; fromMs += LOOK_AT_ONCE * WINDOW_MS) {
        const count = Math.min(LOOK_AT_ONCE, Math.floor((lastMs - fromMs) / WINDOW_MS) + 1);
        const starts = Array.from({ length: count }, (_, index) => new Date(fromMs + index * WINDOW_MS));
        // A serial read takes one partition only. A quorum sees every write that was acknowledged as applied, and
        // so every window whose closing was.
        const { rows } = await readFromCassandra('look for windows', () =>
          client.execute(READ_WRITTEN, [shard, starts], { ...QUORUM_READ, fetchSize: LOOK_AT_ONCE }),
        );
        for (const row of rows) if (row['version'] !== null) found.push(timeOf(row['window_start']));
      }
      return found.toSorted((a, b) => a - b);
    },
    compareAndSet: (key, next, changed) =>
      writeConditionally('write a window', () =>
        client.batch(
          [
            { query: WRITE_WINDOW, params: windowParams(key, next) },
            ...changed.map((symbol) => ({ query: WRITE_ROW, params: rowParams(key, symbol, next) })),
          ],
          CONDITIONAL,
        ),
      ),
  };
}

/** The shards' rows in Cassandra. */
export function createShardStore(client: Client): ShardStore {
  return {
    async read(shard) {
      const result = await readFromCassandra('read a shard', () =>
        client.execute(READ_SHARD, [shard], SERIAL_READ),
      );
      const row = result.first();
      if (row === null || row['version'] === null) return ABSENT_SHARD;
      const open = String(row['open'] ?? '');
      const closedTo: unknown = row['closed_to'];
      return {
        version: Number(row['version']),
        closedToMs: closedTo instanceof Date ? closedTo.getTime() : null,
        open: open === '' ? [] : open.split(',').map(Number),
        gaps: parseSpans(String(row['gaps'] ?? '')),
      };
    },
    compareAndSet: (shard, next) =>
      writeConditionally('write a shard', () =>
        client.execute(
          WRITE_SHARD,
          [
            next.version,
            next.closedToMs === null ? null : new Date(next.closedToMs),
            next.open.join(','),
            formatSpans(next.gaps),
            shard,
            expectedVersion(next.version),
          ],
          CONDITIONAL,
        ),
      ),
  };
}

function windowParams({ shard, windowStartMs }: WindowKey, next: WindowState): unknown[] {
  return [
    next.version,
    next.finalVersion,
    next.incompleteVersion,
    formatApplied(next.applied),
    next.minOffset,
    shard,
    new Date(windowStartMs),
    expectedVersion(next.version),
  ];
}

function rowParams({ shard, windowStartMs }: WindowKey, symbol: string, next: WindowState): unknown[] {
  const row = next.rows.get(symbol);
  if (row === undefined) throw new RangeError(`Cannot write a window: ${symbol} changed but has no row`);
  const { candle } = row;
  return [
    row.version,
    row.revision,
    row.reason ?? '',
    formatTradeKey(candle.firstKey),
    formatTradeKey(candle.lastKey),
    candle.openE8,
    candle.highE8,
    candle.lowE8,
    candle.closeE8,
    candle.volumeE8,
    candle.notionalE16,
    candle.priceSumE8,
    candle.tradeCount,
    candle.idHashSum,
    shard,
    new Date(windowStartMs),
    symbol,
  ];
}

function toWindow(rows: readonly types.Row[], windowStartMs: number): WindowState {
  const [first] = rows;
  if (first === undefined || first['version'] === null) return ABSENT_WINDOW;
  const minOffset: unknown = first['min_offset'];
  return {
    version: Number(first['version']),
    finalVersion: Number(first['final_version'] ?? 0),
    incompleteVersion: Number(first['incomplete_version'] ?? 0),
    applied: parseApplied(String(first['applied'] ?? '')),
    minOffset: typeof minOffset === 'bigint' ? minOffset : null,
    rows: new Map(
      rows
        .filter((row) => row['symbol'] !== null)
        .map((row) => [String(row['symbol']), toRow(row, windowStartMs)]),
    ),
  };
}

function toRow(row: types.Row, windowStartMs: number): WindowRow {
  const reason = String(row['reason'] ?? '');
  return {
    version: Number(row['row_version']),
    revision: Number(row['revision']),
    reason: reason === '' ? null : (reason as RevisionReason),
    candle: {
      symbol: String(row['symbol']),
      windowStartMs,
      firstKey: parseTradeKey(String(row['first_key'])),
      lastKey: parseTradeKey(String(row['last_key'])),
      openE8: e8(BigInt(row['open_e8'])),
      highE8: e8(BigInt(row['high_e8'])),
      lowE8: e8(BigInt(row['low_e8'])),
      closeE8: e8(BigInt(row['close_e8'])),
      volumeE8: e8(BigInt(row['volume_e8'])),
      notionalE16: e16(BigInt(row['notional_e16'])),
      priceSumE8: e8(BigInt(row['price_sum_e8'])),
      tradeCount: Number(row['trade_count']),
      idHashSum: BigInt(row['id_hash_sum']),
    },
  };
}

function timeOf(value: unknown): number {
  if (!(value instanceof Date)) throw new RangeError('Cannot read a window: it has no start');
  return value.getTime();
}
