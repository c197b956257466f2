import type { MarketEvent } from '@kandle/market/event/market-event';
import { RetryableError } from '@kandle/runtime/errors';
import type { EventProducer } from '@kandle/runtime/event-producer';
import type { ReceivedEvent } from '@kandle/runtime/received-event';
import { createDispatcher, type Instance } from './dispatcher.ts';
import type { FaultRates } from './fault-rates.ts';
import type { Fault, FaultyDatabase } from './faulty-database.ts';
import type { Random } from '@kandle/tooling/random';

/** What an instance of the function under test is built of. */
export interface InstanceParts<Stores> {
  readonly stores: Stores;
  readonly producer: EventProducer;
  readonly backOff: () => Promise<void>;
}

/** A function over a log of events. */
export interface Schedule<Stores> {
  readonly events: readonly MarketEvent[];
  readonly database: FaultyDatabase<Stores>;
  /** A process with an empty memory. */
  readonly createInstance: (parts: InstanceParts<Stores>) => (event: ReceivedEvent) => Promise<void>;
  readonly rates: FaultRates;
  /** Steps after which nothing fails any more. */
  readonly faultlessAfter: number;
  /** Most statements and sends let through at once. With one a seed always makes the same schedule. */
  readonly atOnce?: number | undefined;
}

/** A pause of one instance, before a statement or a send takes place. */
interface Gate {
  readonly instance: number;
  readonly open: () => void;
}

const MAX_STEPS = 100_000;

/**
 * Runs a function over a log on two instances that share a database, with every statement and send interleaved
 * by a seeded scheduler: crashes, unknown outcomes, lost, overtaken and repeated deliveries, dead letters
 * redriven in the middle and at the end, sometimes twice.
 *
 * @returns Every event in the order in which it reached the topic, as it was then.
 */
export async function runSchedule<Stores>(
  random: Random,
  { events, database, createInstance, rates, faultlessAfter, atOnce = 1 }: Schedule<Stores>,
): Promise<readonly MarketEvent[]> {
  const published: MarketEvent[] = [];
  let gates: Gate[] = [];
  let isFaulty = true;
  const happens = (rate: number): boolean => isFaulty && random.chance(rate);
  const gate = (instance: number): Promise<void> =>
    new Promise((resolve) => gates.push({ instance, open: resolve }));

  function statementFault(kind: 'read' | 'write'): Fault {
    if (happens(rates.error)) return 'error';
    if (kind === 'read' || !happens(rates.unknown)) return 'none';
    return random.pick(['unknown_applied', 'unknown_lost', 'unknown_late'] as const);
  }

  async function send(instance: number, sent: readonly MarketEvent[]): Promise<void> {
    for (const event of sent) {
      await gate(instance);
      const fails = happens(rates.produceFailure);
      if (!fails || random.chance(0.5)) published.push(structuredClone(event));
      if (fails) throw new RetryableError('Cannot produce: no acknowledgement');
    }
  }

  function startInstance(instance: number): Instance & { readonly instance: number } {
    const stores = database.connect(async (kind) => {
      await gate(instance);
      return statementFault(kind);
    });
    const producer = {
      send: (_topic: string, sent: readonly MarketEvent[]) => send(instance, sent),
      connect: async () => undefined,
      close: async () => undefined,
    };
    const handle = createInstance({ stores, producer, backOff: () => gate(instance) });
    return { instance, handle };
  }

  let nextInstance = 2;
  const instances: [ReturnType<typeof startInstance>, ReturnType<typeof startInstance>] = [
    startInstance(0),
    startInstance(1),
  ];
  const dispatcher = createDispatcher(random, events, { rates, happens });

  for (let step = 0; step < MAX_STEPS; step++) {
    if (step > faultlessAfter) isFaulty = false;
    const place = random.pick([0, 1] as const);
    if (happens(rates.crash)) {
      const crashed = instances[place];
      instances[place] = startInstance(nextInstance++);
      // Its gates are thrown away, so it never goes on.
      gates = gates.filter(({ instance }) => instance !== crashed.instance);
      dispatcher.lose(crashed);
    }
    if (random.chance(0.05)) void database.late.splice(random.below(database.late.length || 1), 1)[0]?.();
    if (!dispatcher.step(instances[place])) {
      if (isFaulty) isFaulty = false;
      else if (!dispatcher.redriveAll() && gates.length === 0) {
        if (database.late.length === 0) return published;
        for (const effect of database.late.splice(0)) void effect();
      }
    }
    for (let n = 1 + random.below(atOnce); n > 0; n--) {
      gates.splice(random.below(gates.length || 1), 1)[0]?.open();
    }
    // What was let through begins its statement, and only then can be waited for.
    await new Promise((resolve) => setImmediate(resolve));
    await database.whenIdle();
    await new Promise((resolve) => setImmediate(resolve));
  }
  throw new Error('the schedule does not come to an end');
}
