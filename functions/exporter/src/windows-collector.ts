import { feedOfShard } from '@kandle/market/event/shard';
import type { Client } from 'cassandra-driver';
import type { Collector } from './collector.ts';

/** Most shards that are read: a feed has 12 unless it is told otherwise, and at most 100. */
const MAX_SHARDS = 2_000;
const SHARDS = `SELECT shard, open FROM shards LIMIT ${MAX_SHARDS}`;

/** How many windows of each feed are open: 0 when all that was traded is final. */
export function createWindowsCollector(client: Client): Collector {
  return {
    name: 'windows',
    server: 'cassandra',
    gauges: {
      kandle_open_windows: {
        help: 'Windows that are not known to be final, over the shards of a feed',
        labels: ['feed'],
      },
    },
    async collect() {
      const { rows } = await client.execute(SHARDS, [], { isIdempotent: true });
      const open = new Map<string, number>();
      for (const row of rows) {
        const feed = feedOfShard(String(row['shard']));
        const list = String(row['open'] ?? '');
        open.set(feed, (open.get(feed) ?? 0) + (list === '' ? 0 : list.split(',').length));
      }
      return [...open].map(([feed, value]) => ({ gauge: 'kandle_open_windows', labels: { feed }, value }));
    },
  };
}
