import { GAP_REASONS } from '@kandle/market/feed/feed-gap';
import type { Client } from 'cassandra-driver';
import type { Collector, Sample } from './collector.ts';
import { readFeeds } from './feeds.ts';

/** Most gaps of a day that are counted. */
const MAX_GAPS = 10_000;
const BACKFILLED = ['filled', 'partly', 'unfilled'] as const;
const GAPS = `SELECT reason, backfill_state FROM feed_gaps WHERE feed = ? AND day = ? LIMIT ${MAX_GAPS}`;

/**
 * How many gaps of each feed began today, by reason, and what backfills made of them.
 *
 * @param nowMs Wall clock, epoch milliseconds.
 */
export function createGapsCollector(client: Client, nowMs: () => number): Collector {
  return {
    name: 'gaps',
    server: 'cassandra',
    gauges: {
      kandle_feed_gaps_today: {
        help: 'Gaps of a feed that began on this day (UTC), counted per shard, by reason',
        labels: ['feed', 'reason'],
      },
      kandle_gap_backfills_today: {
        help: 'Gaps of a feed that began on this day (UTC) and were looked for elsewhere, by what became of them',
        labels: ['feed', 'state'],
      },
    },
    async collect() {
      const day = new Date(nowMs()).toISOString().slice(0, 10);
      const samples: Sample[] = [];
      for (const feed of await readFeeds(client)) {
        const { rows } = await client.execute(GAPS, [feed, day], { isIdempotent: true, fetchSize: MAX_GAPS });
        const counts = new Map<string, number>(GAP_REASONS.map((reason) => [reason, 0]));
        for (const row of rows) {
          const reason = String(row['reason']);
          counts.set(reason, (counts.get(reason) ?? 0) + 1);
        }
        for (const state of BACKFILLED) {
          const value = rows.filter((row) => row['backfill_state'] === state).length;
          samples.push({ gauge: 'kandle_gap_backfills_today', labels: { feed, state }, value });
        }
        for (const [reason, value] of counts)
          samples.push({ gauge: 'kandle_feed_gaps_today', labels: { feed, reason }, value });
      }
      return samples;
    },
  };
}
