import { feedOfShard } from '@kandle/market/event/shard';
import type { Client } from 'cassandra-driver';
import type { Collector, Sample } from './collector.ts';

/** Most shards that are read: a feed has 4 unless it is told otherwise, and at most 100. */
const MAX_SHARDS = 2_000;
const SHARDS = `SELECT shard, closed_to, open FROM shards LIMIT ${MAX_SHARDS}`;

/** A shard as its row has it. */
interface ShardRow {
  readonly shard: string;
  /** Null until a window was closed. */
  readonly closedToMs: number | null;
  /** Starts of the windows that are not known to be final. */
  readonly openMs: readonly number[];
}

/**
 * How many windows of each feed are open (0 when all that was traded is final), and how far each shard has
 * come.
 */
export function createWindowsCollector(client: Client): Collector {
  return {
    name: 'windows',
    server: 'cassandra',
    gauges: {
      kandle_open_windows: {
        help: 'Windows that are not known to be final, over the shards of a feed',
        labels: ['feed'],
      },
      kandle_shard_closed_timestamp_seconds: {
        help: 'Event time up to which the windows of a shard are final',
        labels: ['feed', 'shard'],
      },
      kandle_oldest_open_window_timestamp_seconds: {
        help: 'Start of the oldest window of a shard that is not known to be final; absent when there is none',
        labels: ['feed', 'shard'],
      },
    },
    async collect() {
      const { rows } = await client.execute(SHARDS, [], { isIdempotent: true });
      return samplesOf(
        rows.map((row): ShardRow => {
          const closedTo: unknown = row['closed_to'];
          const open: unknown = row['open'];
          return {
            shard: String(row['shard']),
            closedToMs: closedTo instanceof Date ? closedTo.getTime() : null,
            openMs: typeof open === 'string' && open !== '' ? open.split(',').map(Number) : [],
          };
        }),
      );
    },
  };
}

/** The samples of some shards. */
function samplesOf(rows: readonly ShardRow[]): readonly Sample[] {
  const open = new Map<string, number>();
  const samples: Sample[] = [];
  for (const { shard, closedToMs, openMs } of rows) {
    const feed = feedOfShard(shard);
    open.set(feed, (open.get(feed) ?? 0) + openMs.length);
    const labels = { feed, shard };
    if (closedToMs !== null)
      samples.push({ gauge: 'kandle_shard_closed_timestamp_seconds', labels, value: closedToMs / 1_000 });
    if (openMs.length > 0)
      samples.push({
        gauge: 'kandle_oldest_open_window_timestamp_seconds',
        labels,
        value: Math.min(...openMs) / 1_000,
      });
  }
  for (const [feed, value] of open) samples.push({ gauge: 'kandle_open_windows', labels: { feed }, value });
  return samples;
}
