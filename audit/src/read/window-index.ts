import type { Client } from 'cassandra-driver';
import { translateCassandraError } from '@kandle/runtime/cassandra';
import { startOf, STRETCH_MS } from '../values/periods.ts';

/** Which windows the table `windows` has, by shard: 8 bytes each. */
export interface WindowIndex {
  shards(): readonly string[];
  windowsIn(shard: string, fromMs: number, toMs: number): readonly number[];
  /** The stretches that hold a window of the shard, ascending. */
  stretchesOf(shard: string): readonly number[];
  forget(shard: string): void;
}

/** Reads the keys of `windows`. @throws {RetryableError} If the database is not to be had. */
export async function createWindowIndex(
  client: Client,
  isWanted: (shard: string, windowStartMs: number) => boolean,
): Promise<WindowIndex> {
  const stretches = new Map<string, Map<number, number[]>>();
  try {
    const keys = await client.execute('SELECT DISTINCT shard, window_start FROM windows', [], {
      prepare: true,
      fetchSize: 5_000,
    });
    for await (const row of keys) {
      const [shard, windowStartMs] = [String(row['shard']), Number(row['window_start'])];
      if (!isWanted(shard, windowStartMs)) continue;
      const stretchMs = startOf(windowStartMs, STRETCH_MS);
      const ofShard = stretches.get(shard) ?? new Map<number, number[]>();
      stretches.set(shard, ofShard);
      const windows = ofShard.get(stretchMs);
      if (windows === undefined) ofShard.set(stretchMs, [windowStartMs]);
      else windows.push(windowStartMs);
    }
  } catch (error) {
    throw translateCassandraError(error, 'list the windows');
  }
  return {
    shards: () => [...stretches.keys()].toSorted(),
    windowsIn: (shard, fromMs, toMs) =>
      (stretches.get(shard)?.get(startOf(fromMs, STRETCH_MS)) ?? []).filter(
        (startMs) => startMs >= fromMs && startMs < toMs,
      ),
    stretchesOf: (shard) => [...(stretches.get(shard)?.keys() ?? [])].toSorted((a, b) => a - b),
    forget: (shard) => stretches.delete(shard),
  };
}
