import type { WindowKey } from '@kandle/market/window/window';
import { column, jsonColumn, parseRow, parseRows } from '@kandle/runtime/cassandra-rows';
import {
  CONDITIONAL,
  expectedVersion,
  QUORUM_READ,
  readFromCassandra,
  SERIAL_READ,
  writeConditionally,
} from '@kandle/runtime/conditional';
import { PoisonError } from '@kandle/runtime/errors';
import { ABSENT, type StateRow, StateRowSchema, type StateWindow } from '@kandle/market/signal/series-state';
import type { Client, types } from 'cassandra-driver';
import { z } from 'zod';
import { createOldStates } from './old-states.ts';
import { HOUR_MS, hourOf, type StateStore } from './stores.ts';

const READ =
  'SELECT version, pending, recomputed_to, symbols FROM state_windows WHERE shard = ? AND hour = ? AND window_start = ?';
const READ_CHANGES = 'SELECT changes FROM state_windows WHERE shard = ? AND hour = ? LIMIT 1';
const READ_VERSIONS =
  'SELECT window_start, version FROM state_windows WHERE shard = ? AND hour = ? AND window_start >= ? AND window_start <= ?';
const WRITE =
  'UPDATE state_windows SET changes = ?, version = ?, pending = ?, recomputed_to = ?, symbols = ? ' +
  'WHERE shard = ? AND hour = ? AND window_start = ? IF changes = ?';

/** The form of the text in `symbols`. Another form gets another number; readers know all there ever were. */
const FORMAT = 1;
/**
 * Most bytes of a window's states: some 3,500 symbols. A transaction holds them in memory several times over,
 * and Cassandra's own limit for one is 16 MiB.
 */
const MAX_SYMBOLS_BYTES = 4 * 1024 * 1024;

/** The states in Cassandra: one conditional row, so one Paxos round, however many symbols an event moved. */
export function createStateStore(client: Client): StateStore {
  const old = createOldStates(client);

  async function rows(action: string, query: string, params: unknown[], options: typeof SERIAL_READ) {
    return (await readFromCassandra(action, () => client.execute(query, params, options))).rows;
  }

  return {
    async read(key) {
      const { shard, windowStartMs } = key;
      const place = [shard, new Date(hourOf(windowStartMs)), new Date(windowStartMs)];
      const [row] = await rows('read a state window', READ, place, SERIAL_READ);
      return row === undefined ? await old.read(key) : toWindow(row);
    },
    async readChanges(shard, hourMs) {
      const action = 'read the changes of state windows';
      const [row] = await rows(action, READ_CHANGES, [shard, new Date(hourMs)], SERIAL_READ);
      return row === undefined ? 0 : parseRow(ChangesSchema, row, action).changes;
    },
    // Not serial, which several partitions cannot be; a local quorum sees every write that was acknowledged.
    async readVersions(shard, firstMs, lastMs) {
      const action = 'read the versions of state windows';
      const versions = new Map(await old.versions(shard, firstMs, lastMs));
      for (let hourMs = hourOf(firstMs); hourMs <= lastMs; hourMs += HOUR_MS) {
        const params = [shard, new Date(hourMs), new Date(firstMs), new Date(lastMs)];
        const found = await rows(action, READ_VERSIONS, params, QUORUM_READ);
        for (const { window_start, version } of parseRows(VersionSchema, found, action))
          versions.set(window_start, version);
      }
      return versions;
    },
    async compareAndSet({ shard, windowStartMs }, next, changes) {
      const params = [
        changes + 1,
        next.version,
        next.pending,
        next.recomputedToMs === null ? null : new Date(next.recomputedToMs),
        formatSymbols({ shard, windowStartMs }, next.rows),
        shard,
        new Date(hourOf(windowStartMs)),
        new Date(windowStartMs),
        expectedVersion(changes + 1),
      ];
      return await writeConditionally('write a state window', () =>
        client.execute(WRITE, params, CONDITIONAL),
      );
    },
  };
}

/** The text of a row, made once: of the rows of a window an event changes some, and all are written. */
const texts = new WeakMap<StateRow, string>();

function formatSymbols(key: WindowKey, rows: StateWindow['rows']): string {
  const parts: string[] = [];
  for (const [symbol, row] of rows) {
    let text = texts.get(row);
    if (text === undefined) texts.set(row, (text = JSON.stringify([symbol, row])));
    parts.push(text);
  }
  const symbols = `{"format":${FORMAT},"rows":[${parts.join(',')}]}`;
  const bytes = Buffer.byteLength(symbols);
  if (bytes > MAX_SYMBOLS_BYTES) {
    throw new PoisonError(
      `Cannot write a state window: its ${rows.size} symbols are ${bytes} bytes, more than ${MAX_SYMBOLS_BYTES}; the feed needs more shards`,
      { facts: { ...key } },
    );
  }
  return symbols;
}

const SymbolsSchema = z.object({
  format: z.literal(FORMAT),
  rows: z.array(z.tuple([z.string(), StateRowSchema])),
});

const WindowSchema = z.object({
  version: column.int,
  pending: column.optionalInt,
  recomputed_to: column.timestamp.nullable(),
  symbols: jsonColumn(SymbolsSchema),
});

const ChangesSchema = z.object({ changes: column.optionalInt });
const VersionSchema = z.object({ window_start: column.timestamp, version: column.int });

function toWindow(row: types.Row): StateWindow {
  const { version, pending, recomputed_to, symbols } = parseRow(WindowSchema, row, 'read a state window');
  return version === 0
    ? ABSENT
    : { version, pending, recomputedToMs: recomputed_to, rows: new Map(symbols.rows) };
}
