import { readPromotions } from '@kandle/runtime/promotions';
import type { Client } from 'cassandra-driver';
import type { Collector, Sample } from './collector.ts';

/**
 * The stretches of time that readers find in a shadow's keyspace. What the other collectors read no shadow
 * has, so that their numbers are the pipeline's own whatever was promoted.
 */
export function createPromotionsCollector(client: Pick<Client, 'execute'>): Collector {
  return {
    name: 'promotions',
    server: 'cassandra',
    gauges: {
      kandle_promoted_range_seconds: {
        help: "Length of a stretch of time that readers find in a shadow's keyspace; none while there is no such",
        labels: ['keyspace', 'from', 'to'],
      },
    },
    async collect() {
      return (await readPromotions(client)).map(
        ({ keyspace, fromMs, toMs }): Sample => ({
          gauge: 'kandle_promoted_range_seconds',
          labels: { keyspace, from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString() },
          value: (toMs - fromMs) / 1_000,
        }),
      );
    },
  };
}
