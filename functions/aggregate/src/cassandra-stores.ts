import { parseApplied, formatApplied } from '@kandle/market/window/applied';
import { formatSpans, parseSpans } from '@kandle/market/window/gap-spans';
import { e16, e8 } from '@kandle/market/number/fixed-point';
import { ABSENT_SHARD, type ShardState } from '@kandle/market/window/shard-state';
import { parseTradeKey } from '@kandle/market/trade/trade';
import { WINDOW_MS, type WindowKey } from '@kandle/market/window/window';
import { formatWindowRows, parseWindowRows } from '@kandle/market/window/window-rows';
import { ABSENT_WINDOW, type WindowRow, type WindowState } from '@kandle/market/window/window-state';
import { column, parseRow, parseRows } from '@kandle/runtime/cassandra-rows';
import {
  CONDITIONAL,
  expectedVersion,
  QUORUM_READ,
  readFromCassandra,
  readPartition,
  SERIAL_READ,
  writeConditionally,
} from '@kandle/runtime/conditional';
import { PoisonError } from '@kandle/runtime/errors';
import type { Client, types } from 'cassandra-driver';
import { z } from 'zod';
import type { ShardStore, WindowStore } from './stores.ts';

const READ_WINDOW = 'SELECT * FROM windows WHERE shard = ? AND window_start = ?';
const READ_WRITTEN =
  'SELECT DISTINCT shard, window_start, version FROM windows WHERE shard = ? AND window_start IN ?';
const WRITE_WINDOW =
  'UPDATE windows SET version = ?, final_version = ?, incomplete_version = ?, applied = ?, min_offset = ?, ' +
  'symbols = ? WHERE shard = ? AND window_start = ? IF version = ?';
/** Leaves rows as they are, in whatever form. */
const WRITE_VERSIONS =
  'UPDATE windows SET version = ?, final_version = ?, incomplete_version = ? ' +
  'WHERE shard = ? AND window_start = ? IF version = ?';
const READ_SHARD = 'SELECT version, closed_to, open, gaps FROM shards WHERE shard = ?';
const WRITE_SHARD =
  'UPDATE shards SET version = ?, closed_to = ?, open = ?, gaps = ? WHERE shard = ? IF version = ?';

/** Rows fetched at once of a window in the old form; each has about 200 bytes. */
const FETCH_ROWS = 5_000;
/**
 * Begins `applied` where the rows are in `symbols`. A process that knows only the old form takes it for damage,
 * and so never writes on what it has not read.
 */
const NEW_FORM = 'v2 ';
/**
 * Most bytes of a window's rows: some 8,000 symbols. A transaction holds them in memory several times over, and
 * Cassandra's own limit for one is 16 MiB.
 */
const MAX_ROWS_BYTES = 2 * 1024 * 1024;
/** Windows looked for in one statement: each is a partition of its own. */
const LOOK_AT_ONCE = 100;

/** The windows in Cassandra: one conditional row, so one Paxos round, however many symbols a batch moved. */
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
        // A serial read takes one partition only. A quorum sees every write that was acknowledged as applied,
        // and so every window whose closing was.
        const { rows } = await readFromCassandra('look for windows', () =>
          client.execute(READ_WRITTEN, [shard, starts], { ...QUORUM_READ, fetchSize: LOOK_AT_ONCE }),
        );
        for (const { window_start, version } of parseRows(WrittenSchema, rows, 'look for windows')) {
          if (version !== null) found.push(window_start);
        }
      }
      return found.toSorted((a, b) => a - b);
    },
    async compareAndSet(key, next, written) {
      const [query, params] =
        written === 'all'
          ? [WRITE_WINDOW, windowParams(key, next)]
          : [WRITE_VERSIONS, versionParams(key, next)];
      return await writeConditionally('write a window', () => client.execute(query, params, CONDITIONAL));
    },
  };
}

/** The shards' rows in Cassandra. */
export function createShardStore(client: Client): ShardStore {
  return {
    async read(shard) {
      const result = await readFromCassandra('read a shard', () =>
        client.execute(READ_SHARD, [shard], SERIAL_READ),
      );
      return toShard(result.first());
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
  const symbols = formatWindowRows(next.rows);
  const bytes = Buffer.byteLength(symbols);
  if (bytes > MAX_ROWS_BYTES) {
    throw new PoisonError(
      `Cannot write a window: its ${next.rows.size} symbols are ${bytes} bytes, more than ${MAX_ROWS_BYTES}; the feed needs more shards`,
      { facts: { shard, windowStartMs } },
    );
  }
  return [
    next.version,
    next.finalVersion,
    next.incompleteVersion,
    NEW_FORM + formatApplied(next.applied),
    next.minOffset,
    symbols,
    shard,
    new Date(windowStartMs),
    expectedVersion(next.version),
  ];
}

function versionParams({ shard, windowStartMs }: WindowKey, next: WindowState): unknown[] {
  return [
    next.version,
    next.finalVersion,
    next.incompleteVersion,
    shard,
    new Date(windowStartMs),
    expectedVersion(next.version),
  ];
}

/** What stands once in a window. */
const HeaderSchema = z.object({
  version: column.int,
  final_version: column.optionalInt,
  incomplete_version: column.optionalInt,
  applied: column.optionalText,
  min_offset: column.bigint.nullable(),
  symbols: column.text.nullable(),
});

/** A symbol's row in a window of the old form. */
const RowSchema = z.object({
  symbol: column.text,
  row_version: column.int,
  revision: column.int,
  reason: column.optionalText,
  first_key: column.text,
  last_key: column.text,
  open_e8: column.varint,
  high_e8: column.varint,
  low_e8: column.varint,
  close_e8: column.varint,
  volume_e8: column.varint,
  notional_e16: column.varint,
  price_sum_e8: column.varint,
  trade_count: column.int,
  id_hash_sum: column.varint,
});

const WrittenSchema = z.object({ window_start: column.timestamp, version: column.int.nullable() });

const ShardSchema = z.object({
  version: column.int,
  closed_to: column.timestamp.nullable(),
  open: column.optionalText,
  gaps: column.optionalText,
});

function toWindow(rows: readonly types.Row[], windowStartMs: number): WindowState {
  const [first] = rows;
  if (first === undefined || first['version'] === null) return ABSENT_WINDOW;
  const header = parseRow(HeaderSchema, first, 'read a window');
  const { applied, symbols } = header;
  return {
    version: header.version,
    finalVersion: header.final_version,
    incompleteVersion: header.incomplete_version,
    applied: parseApplied(symbols === null ? applied : applied.slice(NEW_FORM.length)),
    minOffset: header.min_offset,
    rows: symbols === null ? oldRows(rows, windowStartMs) : parseWindowRows(symbols, windowStartMs),
  };
}

/** The rows of a window that was written before `symbols` was. */
function oldRows(rows: readonly types.Row[], windowStartMs: number): ReadonlyMap<string, WindowRow> {
  const written = rows.filter((row) => row['symbol'] !== null);
  return new Map(
    parseRows(RowSchema, written, 'read a window').map((row) => [row.symbol, toRow(row, windowStartMs)]),
  );
}

function toRow(row: z.infer<typeof RowSchema>, windowStartMs: number): WindowRow {
  return {
    version: row.row_version,
    revision: row.revision,
    reason: row.reason === '' ? null : row.reason,
    candle: {
      symbol: row.symbol,
      windowStartMs,
      firstKey: parseTradeKey(row.first_key),
      lastKey: parseTradeKey(row.last_key),
      openE8: e8(row.open_e8),
      highE8: e8(row.high_e8),
      lowE8: e8(row.low_e8),
      closeE8: e8(row.close_e8),
      volumeE8: e8(row.volume_e8),
      notionalE16: e16(row.notional_e16),
      priceSumE8: e8(row.price_sum_e8),
      tradeCount: row.trade_count,
      idHashSum: row.id_hash_sum,
    },
  };
}

function toShard(row: types.Row | null): ShardState {
  if (row === null || row['version'] === null) return ABSENT_SHARD;
  const { version, closed_to, open, gaps } = parseRow(ShardSchema, row, 'read a shard');
  return {
    version,
    closedToMs: closed_to,
    open: open === '' ? [] : open.split(',').map(Number),
    gaps: parseSpans(gaps),
  };
}
