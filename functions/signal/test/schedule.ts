import type { MarketEvent } from '@kandle/market/event/market-event';
import type { FaultyDatabase } from '@kandle/testkit/faulty-database';
import type { Random } from '@kandle/tooling/random';
import type { FaultRates } from '@kandle/testkit/fault-rates';
import { runSchedule } from '@kandle/testkit/schedule';
import { createSignal } from '../src/handler.ts';
import { createSignalPublisher } from '../src/publish.ts';
import { createStateMemory } from '../src/state-memory.ts';
import type { StateStore } from '../src/stores.ts';
import { SETTINGS } from './settings.ts';

/** Rates at which most schedules meet several faults. */
const RATES: FaultRates = {
  crash: 0.01,
  dispatcherCrash: 0.004,
  unknown: 0.06,
  error: 0.03,
  timeout: 0.01,
  produceFailure: 0.04,
  heldBack: 0.08,
  duplicate: 0.15,
};

/**
 * Runs the real signal code over a log of candle events, through every fault of `runSchedule`.
 *
 * @param atOnce Most statements and sends let through at once.
 * @returns Every event in the order in which it reached the topic.
 */
export async function signalSchedule(
  random: Random,
  events: readonly MarketEvent[],
  database: FaultyDatabase<StateStore>,
  atOnce = 1,
): Promise<readonly MarketEvent[]> {
  const reach = SETTINGS.maxRepeatedWindows + 1;
  let clock = 0;
  return await runSchedule(random, {
    events,
    database,
    createInstance: ({ stores: states, producer, backOff }) =>
      createSignal({
        ...SETTINGS,
        states,
        news: { read: async () => new Map() },
        reach,
        // Whatever is done takes time: most recomputations are given back, some after each window.
        monotonicMs: () => (clock += 1),
        budgetMs: random.pick([0, 3, 1_000_000]),
        memory: createStateMemory(states, {
          reach,
          maxRows: random.pick([1, 8, 1_000]),
          monotonicMs: () => performance.now(),
        }),
        publisher: createSignalPublisher(producer, 'signals', SETTINGS.periods),
        rules: () => SETTINGS.rules,
        maxAttempts: 7,
        maxRecomputedWindows: 1_000,
        backOff,
      }),
    rates: RATES,
    faultlessAfter: 2_500,
    atOnce,
  });
}
