import { WINDOW_MS, type WindowKey } from '@kandle/market/window/window';
import { column, jsonColumn, parseRow, parseRows } from '@kandle/runtime/cassandra-rows';
import { QUORUM_READ, readFromCassandra, readPartition } from '@kandle/runtime/conditional';
import {
  ABSENT,
  RowCandleSchema,
  SeriesStateSchema,
  type StateRow,
  type StateWindow,
} from '@kandle/market/signal/series-state';
import { SignalSchema } from '@kandle/market/signal/signal-batch';
import type { Client, types } from 'cassandra-driver';
import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import { HOUR_MS, hourOf } from './stores.ts';

const READ = 'SELECT * FROM indicator_states WHERE shard = ? AND window_start = ?';
const READ_VERSIONS =
  'SELECT DISTINCT shard, window_start, version FROM indicator_states WHERE shard = ? AND window_start IN ?';
const READ_ANY = 'SELECT shard FROM indicator_states LIMIT 1';

/** Rows fetched at once; each has about 1.1 KB. */
const FETCH_ROWS = 2_000;
/** Windows looked for in one statement: each is a partition of its own. */
const LOOK_AT_ONCE = 120;
/** Hours of shards of which the versions are kept. */
const MAX_HOURS = 1_000;

/**
 * The windows of before `state_windows`, in the table `indicator_states`, a row for each symbol. Nothing writes
 * it any more, so what was read of an hour stays true, and once it is empty it is not asked again.
 */
export interface OldStates {
  read(key: WindowKey): Promise<StateWindow>;
  /** The versions of the windows from the first to the last start that exist. */
  versions(shard: string, firstMs: number, lastMs: number): Promise<ReadonlyMap<number, number>>;
}

/** What is left of the old table; it has expired 16 days after the last process that wrote it. */
export function createOldStates(client: Client): OldStates {
  let any: Promise<boolean> | null = null;
  const hours = new LRUCache<string, ReadonlyMap<number, number>>({ max: MAX_HOURS });

  async function isThereAny(): Promise<boolean> {
    any ??= readFromCassandra('look for states in the old form', () =>
      client.execute(READ_ANY, [], QUORUM_READ),
    ).then(({ rowLength }) => rowLength > 0);
    try {
      return await any;
    } catch (error) {
      any = null;
      throw error;
    }
  }

  async function ofHour(shard: string, hourMs: number): Promise<ReadonlyMap<number, number>> {
    const known = hours.get(`${shard}|${hourMs}`);
    if (known !== undefined) return known;
    const action = 'read the versions of states in the old form';
    const versions = new Map<number, number>();
    const lookMs = LOOK_AT_ONCE * WINDOW_MS;
    for (let fromMs = hourMs; fromMs < hourMs + HOUR_MS; fromMs += lookMs) {
      const starts = Array.from({ length: LOOK_AT_ONCE }, (_, place) => new Date(fromMs + place * WINDOW_MS));
      const { rows } = await readFromCassandra(action, () =>
        client.execute(READ_VERSIONS, [shard, starts], { ...QUORUM_READ, fetchSize: LOOK_AT_ONCE }),
      );
      for (const { window_start, version } of parseRows(VersionSchema, rows, action))
        if (version !== null) versions.set(window_start, version);
    }
    hours.set(`${shard}|${hourMs}`, versions);
    return versions;
  }

  return {
    async read({ shard, windowStartMs }) {
      if (!(await isThereAny())) return ABSENT;
      const params = [shard, new Date(windowStartMs)];
      const read = { query: READ, params, fetchSize: FETCH_ROWS };
      return toWindow(await readPartition(client, 'read a state window in the old form', read));
    },
    async versions(shard, firstMs, lastMs) {
      const found = new Map<number, number>();
      if (!(await isThereAny())) return found;
      for (let hourMs = hourOf(firstMs); hourMs <= lastMs; hourMs += HOUR_MS) {
        for (const [startMs, version] of await ofHour(shard, hourMs))
          if (startMs >= firstMs && startMs <= lastMs) found.set(startMs, version);
      }
      return found;
    },
  };
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
