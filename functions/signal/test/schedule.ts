import type { MarketEvent } from '@kandle/market/market-event';
import { RetryableError } from '@kandle/runtime/errors';
import type { ReceivedEvent } from '@kandle/runtime/received-event';
import type { Random } from '@kandle/testkit/random';
import { createSignal } from '../src/handler.ts';
import { createSignalPublisher } from '../src/publish.ts';
import type { SeriesSettings } from '../src/series.ts';
import { createStateMemory } from '../src/state-memory.ts';
import type { BeforeStatement, Fault, FaultyDatabase } from './faulty-store.ts';

/** How often things go wrong; each a probability per occasion. */
export interface FaultRates {
  readonly crash: number;
  readonly dispatcherCrash: number;
  readonly unknown: number;
  readonly error: number;
  readonly timeout: number;
  readonly produceFailure: number;
  readonly heldBack: number;
  readonly duplicate: number;
}

/** Rates at which most schedules meet several faults. */
const USUAL_FAULTS: FaultRates = {
  crash: 0.01,
  dispatcherCrash: 0.004,
  unknown: 0.06,
  error: 0.03,
  timeout: 0.01,
  produceFailure: 0.04,
  heldBack: 0.08,
  duplicate: 0.15,
};

interface Gate {
  readonly instance: number;
  readonly open: () => void;
}

const MAX_TRIES = 4;
const FAULTLESS_AFTER = 2_500;

/**
 * Runs the real signal code over a log of candle events, on two instances that share a database, with every statement
 * and send interleaved by a seeded scheduler: crashes, unknown outcomes, lost, repeated and overtaken deliveries, dead
 * letters redriven at the end.
 *
 * @returns Every event in the order in which it reached the topic.
 */
export async function runSchedule(
  random: Random,
  candles: readonly MarketEvent[],
  database: FaultyDatabase,
  settings: SeriesSettings,
  rates: FaultRates = USUAL_FAULTS,
): Promise<readonly MarketEvent[]> {
  const published: MarketEvent[] = [];
  const gates: Gate[] = [];
  let faulty = true;
  const happens = (rate: number): boolean => faulty && random.chance(rate);
  const gate = (instance: number): Promise<void> =>
    new Promise((resolve) => gates.push({ instance, open: resolve }));

  function statementFault(kind: 'read' | 'write'): Fault {
    if (happens(rates.error)) return 'error';
    if (kind === 'read' || !happens(rates.unknown)) return 'none';
    return random.pick(['unknown_applied', 'unknown_lost', 'unknown_late'] as const);
  }

  async function send(instance: number, events: readonly MarketEvent[]): Promise<void> {
    for (const event of events) {
      await gate(instance);
      const fails = happens(rates.produceFailure);
      if (!fails || random.chance(0.5)) published.push(event);
      if (fails) throw new RetryableError('Cannot produce: no acknowledgement');
    }
  }

  /** An instance with an empty memory. Gates of a crashed one are thrown away, so it never goes on. */
  function createInstance(instance: number): (event: ReceivedEvent) => Promise<void> {
    const before: BeforeStatement = async (kind) => {
      await gate(instance);
      return statementFault(kind);
    };
    const states = database.connect(before);
    const reach = settings.maxRepeatedWindows + 1;
    return createSignal({
      ...settings,
      states,
      news: { read: async () => new Map() },
      reach,
      memory: createStateMemory(states, reach, random.pick([1, 8, 1_000])),
      publisher: createSignalPublisher(
        {
          send: (_topic, events) => send(instance, events),
          connect: async () => undefined,
          close: async () => undefined,
        },
        'signals',
        settings.periods,
      ),
      rules: () => settings.rules,
      maxAttempts: 7,
      maxRecomputedWindows: 1_000,
      backOff: () => gate(instance),
    });
  }

  const log = deliveryLog(random, candles, rates);
  let instanceCount = 2;
  const instances = [0, 1].map((instance) => ({ instance, handle: createInstance(instance) }));
  const dead: MarketEvent[] = [];
  let position = 0;
  let committed = 0;
  let tries = 0;
  /** The delivery that the dispatcher waits for; a timed-out one runs on behind its back. */
  let current: { instance: number; result: 'running' | 'done' | 'failed' } | null = null;

  for (let step = 0; ; step++) {
    if (step > 100_000) throw new Error('the schedule does not come to an end');
    if (step > FAULTLESS_AFTER) faulty = false;
    const place = random.below(2);
    if (happens(rates.crash)) {
      const crashed = instances[place]?.instance;
      instances[place] = { instance: instanceCount, handle: createInstance(instanceCount) };
      instanceCount += 1;
      for (let i = gates.length - 1; i >= 0; i--) if (gates[i]?.instance === crashed) gates.splice(i, 1);
      if (current !== null && current.instance === crashed) current.result = 'failed';
    }
    if (happens(rates.dispatcherCrash)) {
      position = committed;
      tries = 0;
      current = null;
    }
    if (random.chance(0.02)) committed = position;
    if (random.chance(0.05)) await database.late.splice(random.below(database.late.length || 1), 1)[0]?.();
    if (current?.result === 'running' && happens(rates.timeout)) current.result = 'failed';
    if (current?.result === 'done') {
      position += 1;
      tries = 0;
      current = null;
    } else if (current?.result === 'failed') {
      tries += 1;
      current = null;
    }
    if (current === null) {
      const event = log[position];
      if (event !== undefined && tries >= MAX_TRIES && faulty) {
        dead.push(event);
        position += 1;
        tries = 0;
      } else if (event !== undefined) {
        const chosen = instances[place];
        if (chosen === undefined) throw new Error('no instance');
        const delivery = { instance: chosen.instance, result: 'running' as 'running' | 'done' | 'failed' };
        current = delivery;
        chosen.handle(toEvent(event)).then(
          () => {
            delivery.result = 'done';
          },
          (error: unknown) => {
            if (!(error instanceof RetryableError)) throw error;
            delivery.result = 'failed';
          },
        );
      } else if (faulty) faulty = false;
      else if (dead.length > 0) log.push(...dead.splice(0));
      else if (gates.length === 0 && database.late.length === 0) return published;
      else if (gates.length === 0) for (const effect of database.late.splice(0)) await effect();
    }
    gates.splice(random.below(gates.length || 1), 1)[0]?.open();
    await new Promise((resolve) => setImmediate(resolve));
    // Nobody waits at a gate: what is under way on a real database has to end first.
    if (gates.length === 0) {
      await database.settle();
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

/** What reaches signal: some events twice, some held back or overtaken by others of later windows. */
function deliveryLog(random: Random, events: readonly MarketEvent[], rates: FaultRates): MarketEvent[] {
  const log: MarketEvent[] = [];
  const held: MarketEvent[] = [];
  for (const event of events) {
    if (random.chance(rates.heldBack)) {
      held.push(event);
      continue;
    }
    log.push(event);
    if (random.chance(rates.duplicate)) held.push(event);
    if (held.length > 0 && random.chance(0.15)) log.push(...held.splice(random.below(held.length), 1));
  }
  return [...log, ...held];
}

/** A candle event as the function receives it. */
export function toEvent(event: MarketEvent): ReceivedEvent {
  return {
    ...event,
    attributes: event.extensions,
    data: JSON.parse(JSON.stringify(event.data)),
    offset: null,
  };
}
