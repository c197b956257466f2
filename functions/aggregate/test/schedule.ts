import { type CandleBatch, parseCandleBatch } from '@kandle/market/candle/candle-batch';
import { formatFeedGap } from '@kandle/market/feed/feed-gap';
import type { MarketEvent } from '@kandle/market/event/market-event';
import { formatTradeBatch } from '@kandle/market/trade/trade-batch';
import type { FaultyDatabase } from '@kandle/testkit/faulty-database';
import type { Random } from '@kandle/tooling/random';
import type { FaultRates } from '@kandle/testkit/fault-rates';
import { runSchedule } from '@kandle/testkit/schedule';
import { cleanBatch } from '@kandle/market/trade/clean-trades';
import { createAggregate } from '../src/handler.ts';
import { createCandlePublisher } from '../src/publish.ts';
import { createRecentWindows } from '@kandle/runtime/recent-windows';
import type { Stores } from './faulty-stores.ts';
import { GRACE_MS, HORIZON_MS, type RawEvent } from './raw-log.ts';

/** Rates at which most schedules meet several faults. */
const RATES: FaultRates = {
  crash: 0.004,
  dispatcherCrash: 0.004,
  unknown: 0.05,
  error: 0.03,
  timeout: 0.003,
  produceFailure: 0.04,
  heldBack: 0.04,
  duplicate: 0.1,
};

/** A candle event as it stands in the log. */
export interface PublishedEvent {
  readonly id: string;
  readonly text: string;
  readonly batch: CandleBatch;
}

/**
 * Runs the real transform and aggregate code over a log of raw batches, through every fault of `runSchedule`.
 *
 * @param atOnce Most statements and sends let through at once.
 * @returns Every candle event in the order in which it reached the topic.
 */
export async function aggregateSchedule(
  random: Random,
  raw: readonly RawEvent[],
  database: FaultyDatabase<Stores>,
  atOnce = 1,
): Promise<readonly PublishedEvent[]> {
  let clock = 0;
  const published = await runSchedule(random, {
    events: raw.map(transformed),
    database,
    createInstance: ({ stores, producer, backOff }) =>
      createAggregate({
        ...stores,
        candles: createCandlePublisher(producer, {
          topic: 'candles',
          provisionalMs: 1,
          monotonicMs: () => (clock += random.below(2)),
        }),
        cache: createRecentWindows({
          maxRows: random.pick([1, 6, 1_000]),
          monotonicMs: () => performance.now(),
        }),
        graceMs: GRACE_MS,
        expiryMs: Number.MAX_SAFE_INTEGER,
        behindMs: Number.MAX_SAFE_INTEGER,
        maxAttempts: 7,
        wallMs: () => 0,
        backOff,
      }),
    rates: RATES,
    faultlessAfter: 1_500,
    atOnce,
  });
  return published.map(({ id, data }) => {
    const text = JSON.stringify(data);
    return { id, text, batch: parseCandleBatch(JSON.parse(text)) };
  });
}

function transformed(event: RawEvent): MarketEvent {
  if (event.kind === 'gap') return formatFeedGap(event.gap, 0);
  return formatTradeBatch(cleanBatch(event.batch, HORIZON_MS).batch);
}
