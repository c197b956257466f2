import { type CandleBatch, parseCandleBatch } from '@kandle/market/candle-batch';
import type { MarketEvent } from '@kandle/market/market-event';
import { formatFeedGap } from '@kandle/market/feed-gap';
import { formatTradeBatch } from '@kandle/market/trade-batch';
import { RetryableError } from '@kandle/runtime/errors';
import type { ReceivedEvent } from '@kandle/runtime/received-event';
import { cleanBatch } from '../../transform/src/clean.ts';
import { createAggregate } from '../src/handler.ts';
import { createCandlePublisher } from '../src/publish.ts';
import { createWindowCache } from '../src/window-cache.ts';
import type { BeforeStatement, Fault, FaultyDatabase } from './faulty-stores.ts';
import type { Random } from '@kandle/testkit/random';
import { GRACE_MS, HORIZON_MS, type RawEvent } from './raw-log.ts';

/** How often things go wrong; each a probability per occasion. */
interface FaultRates {
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

/** How a schedule is run. */
export interface ScheduleOptions {
  readonly rates?: FaultRates;
  /** Most statements and sends let through at once. With one a seed always makes the same schedule. */
  readonly atOnce?: number;
}

/** A pause of one instance, before a statement or a send takes place. */
interface Gate {
  readonly instance: number;
  readonly open: () => void;
}

const MAX_TRIES = 4;
const FAULTLESS_AFTER = 1_500;

/**
 * Runs the real transform and aggregate code over a log of raw batches, on two instances that share a database, with
 * every statement and send interleaved by a seeded scheduler: crashes, unknown outcomes, lost and repeated
 * deliveries, dead letters redriven in the middle and at the end, sometimes twice.
 *
 * @returns Every candle event in the order in which it reached the topic.
 */
export async function runSchedule(
  random: Random,
  raw: readonly RawEvent[],
  database: FaultyDatabase,
  { rates = USUAL_FAULTS, atOnce = 1 }: ScheduleOptions = {},
): Promise<readonly PublishedEvent[]> {
  const published: PublishedEvent[] = [];
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
      if (!fails || random.chance(0.5)) {
        const text = JSON.stringify(event.data);
        published.push({ id: event.id, text, batch: parseCandleBatch(JSON.parse(text)) });
      }
      if (fails) throw new RetryableError('Cannot produce: no acknowledgement');
    }
  }

  /** An instance with an empty memory. Gates of a crashed one are thrown away, so it never goes on. */
  function createInstance(instance: number): (event: ReceivedEvent) => Promise<void> {
    const before: BeforeStatement = async (kind) => {
      await gate(instance);
      return statementFault(kind);
    };
    return createAggregate({
      ...database.connect(before),
      candles: createCandlePublisher(
        {
          send: (_topic, events) => send(instance, events),
          connect: async () => undefined,
          close: async () => undefined,
        },
        { topic: 'candles', provisionalMs: 1, monotonicNow: () => published.length },
      ),
      cache: createWindowCache(random.pick([1, 6, 1_000])),
      graceMs: GRACE_MS,
      expiryMs: Number.MAX_SAFE_INTEGER,
      maxAttempts: 7,
      now: () => 0,
      backOff: () => gate(instance),
    });
  }

  const log = deliveryLog(random, raw, rates);
  let instanceCount = 2;
  const instances = [0, 1].map((instance) => ({ instance, handle: createInstance(instance) }));
  const dead: MarketEvent[] = [];
  /** Sends events again behind all that is in the log; now and then twice. */
  const redrive = (events: readonly MarketEvent[]): void => {
    log.push(...events, ...events.filter(() => happens(rates.duplicate)));
  };
  let position = 0;
  let committed = 0;
  let tries = 0;
  /** The delivery that the dispatcher waits for; a timed-out one runs on behind its back. */
  let current: { instance: number; result: 'running' | 'done' | 'failed' } | null = null;

  for (let step = 0; ; step++) {
    if (step > 60_000) throw new Error('the schedule does not come to an end');
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
    if (dead.length > 0 && random.chance(0.01)) redrive(dead.splice(random.below(dead.length), 1));
    if (random.chance(0.05)) void database.late.splice(random.below(database.late.length || 1), 1)[0]?.();
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
      if (event !== undefined && tries >= MAX_TRIES) {
        dead.push(event);
        position += 1;
        tries = 0;
      } else if (event !== undefined) {
        const chosen = instances[place];
        if (chosen === undefined) throw new Error('no instance');
        const delivery = { instance: chosen.instance, result: 'running' as 'running' | 'done' | 'failed' };
        current = delivery;
        chosen.handle(received(event, position)).then(
          () => {
            delivery.result = 'done';
          },
          (error: unknown) => {
            if (!(error instanceof RetryableError)) throw error;
            delivery.result = 'failed';
          },
        );
      } else if (faulty) faulty = false;
      else if (dead.length > 0) redrive(dead.splice(0));
      else if (gates.length === 0 && database.late.length === 0) return published;
      else if (gates.length === 0) for (const effect of database.late.splice(0)) void effect();
    }
    for (let n = 1 + random.below(atOnce); n > 0; n--) {
      gates.splice(random.below(gates.length || 1), 1)[0]?.open();
    }
    // What was let through begins its statement, and only then can be waited for.
    await new Promise((resolve) => setImmediate(resolve));
    await database.settle();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** What reaches aggregate: order kept, some events twice, some held back (dead letters redriven later). */
function deliveryLog(random: Random, raw: readonly RawEvent[], rates: FaultRates): MarketEvent[] {
  const log: MarketEvent[] = [];
  const held: MarketEvent[] = [];
  for (const rawEvent of raw) {
    const event = transformed(rawEvent);
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

function transformed(event: RawEvent): MarketEvent {
  if (event.kind === 'gap') return formatFeedGap(event.gap, 0);
  return formatTradeBatch(cleanBatch(event.batch, HORIZON_MS).batch);
}

function received(event: MarketEvent, offset: number): ReceivedEvent {
  return { ...event, attributes: event.extensions, data: event.data, offset: BigInt(offset) };
}
