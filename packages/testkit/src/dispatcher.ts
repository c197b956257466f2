import type { MarketEvent } from '@kandle/market/event/market-event';
import { RetryableError } from '@kandle/runtime/errors';
import type { ReceivedEvent } from '@kandle/runtime/received-event';
import type { Random } from '@kandle/tooling/random';
import { receivedEvent } from './received-event.ts';
import type { FaultRates } from './fault-rates.ts';

/** A process of the function under test. */
export interface Instance {
  readonly handle: (event: ReceivedEvent) => Promise<void>;
}

/** The delivery that the dispatcher waits for; a timed-out one runs on behind its back. */
interface Delivery {
  readonly to: Instance;
  result: 'running' | 'done' | 'failed';
}

/** What an event source does with one partition. */
export interface Dispatcher {
  /** Fails the delivery to an instance that is gone. */
  lose(instance: Instance): void;
  /** Goes one step on, with a delivery to `to` if one is due. @returns False at the end of the log. */
  step(to: Instance): boolean;
  /** Sends all dead letters again. @returns Whether there were any. */
  redriveAll(): boolean;
}

const MAX_TRIES = 4;

/**
 * Delivers a log one event at a time: each up to four times, then to the dead letters, which now and then come
 * again; itself crashing back to what it last committed.
 *
 * @param happens Whether a fault of this rate happens now.
 */
export function createDispatcher(
  random: Random,
  events: readonly MarketEvent[],
  { rates, happens }: { readonly rates: FaultRates; readonly happens: (rate: number) => boolean },
): Dispatcher {
  const log = arrivals(random, events, rates);
  const dead: MarketEvent[] = [];
  let position = 0;
  let committed = 0;
  let tries = 0;
  let current: Delivery | null = null;

  /** Sends events again behind all that is in the log; now and then twice. */
  function redrive(letters: readonly MarketEvent[]): void {
    log.push(...letters, ...letters.filter(() => happens(rates.duplicate)));
  }

  function goTo(next: number): void {
    position = next;
    tries = 0;
    current = null;
  }

  function deliver(to: Instance, event: MarketEvent): void {
    const delivery: Delivery = { to, result: 'running' };
    current = delivery;
    to.handle(receivedEvent(event, BigInt(position))).then(
      () => {
        delivery.result = 'done';
      },
      (error: unknown) => {
        if (!(error instanceof RetryableError)) throw error;
        delivery.result = 'failed';
      },
    );
  }

  return {
    lose(instance) {
      if (current?.to === instance) current.result = 'failed';
    },
    step(to) {
      if (happens(rates.dispatcherCrash)) goTo(committed);
      if (random.chance(0.02)) committed = position;
      if (dead.length > 0 && random.chance(0.01)) redrive(dead.splice(random.below(dead.length), 1));
      if (current?.result === 'running' && happens(rates.timeout)) current.result = 'failed';
      if (current?.result === 'done') goTo(position + 1);
      else if (current?.result === 'failed') {
        tries += 1;
        current = null;
      }
      const event = log[position];
      if (current !== null) return true;
      if (event === undefined) return false;
      if (tries < MAX_TRIES) deliver(to, event);
      else {
        dead.push(event);
        goTo(position + 1);
      }
      return true;
    },
    redriveAll() {
      const letters = dead.splice(0);
      redrive(letters);
      return letters.length > 0;
    },
  };
}

/** What reaches a function: some events twice, some held back, or overtaken by later ones. */
function arrivals(random: Random, events: readonly MarketEvent[], rates: FaultRates): MarketEvent[] {
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
