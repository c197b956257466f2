import type { MarketEvent } from '@kandle/market/event/market-event';
import { describeError } from '@kandle/runtime/errors';
import type { Logger } from '@kandle/runtime/log';
import { backoffMs } from './backoff.ts';
import type { Departure, Group, Outbox } from './outbox.ts';
import { pause } from './pause.ts';

/** What the sender is made of. */
export interface SenderDeps {
  readonly outbox: Outbox;
  /** Resolves when the events are acknowledged. */
  readonly produce: (events: readonly MarketEvent[]) => Promise<void>;
  readonly departure: () => Departure;
  readonly onSent: (group: Group) => void;
  /** A send failed and will be tried again. */
  readonly onRetry: () => void;
  readonly log: Logger;
}

/**
 * Sends what the outbox holds, one group at a time. A group that fails is sent again unchanged, for ever, while new
 * records gather behind it.
 */
export interface Sender {
  /** Something may be ready. Cheap; call it for every frame. */
  wake(): void;
  /** True while something is handed over and not yet acknowledged. */
  isBusy(): boolean;
  /** Sends everything, without lingering. @returns False if the deadline came first. */
  flush(deadlineMs: number): Promise<boolean>;
}

const RETRY = { minMs: 200, maxMs: 5_000 };
/** A broker that is away is reported at once, then every so many tries: about once a minute. */
const REPORT_EVERY = 20;

/** Builds the sender; it sends when woken. */
export function createSender({ outbox, produce, departure, onSent, onRetry, log }: SenderDeps): Sender {
  const stop = new AbortController();
  let running: Promise<void> | null = null;
  let timer: NodeJS.Timeout | null = null;
  let flushing = false;
  let underWay: Group | null = null;

  async function deliver(group: Group): Promise<void> {
    for (let attempt = 0; !stop.signal.aborted; attempt++) {
      try {
        await produce(group.events);
        if (attempt > 0) log.info({ attempts: attempt + 1 }, 'Kafka is back');
        underWay = null;
        onSent(group);
        return;
      } catch (error) {
        onRetry();
        if (attempt % REPORT_EVERY === 0) {
          log.warn(
            { attempt: attempt + 1, batches: group.batches },
            `Cannot send, will try again: ${describeError(error)}`,
          );
        }
        await pause(backoffMs(attempt, Math.random(), RETRY), stop.signal);
      }
    }
  }

  async function run(): Promise<void> {
    while (!stop.signal.aborted) {
      underWay = outbox.take(departure(), flushing);
      if (underWay === null) return;
      await deliver(underWay);
    }
  }

  function wake(): void {
    if (running !== null || stop.signal.aborted) return;
    const readyAtMs = outbox.readyAtMs();
    if (readyAtMs === undefined) return;
    const waitMs = flushing ? 0 : readyAtMs - departure().nowMs;
    if (waitMs > 0) {
      timer ??= setTimeout(() => {
        timer = null;
        wake();
      }, waitMs);
      return;
    }
    running = run().finally(() => {
      running = null;
      wake();
    });
  }

  return {
    wake,
    isBusy: () => underWay !== null,
    async flush(deadlineMs) {
      flushing = true;
      const late = setTimeout(() => stop.abort(), deadlineMs);
      wake();
      const stopped = new Promise<void>((resolve) => stop.signal.addEventListener('abort', () => resolve()));
      for (let current = running; current !== null && !stop.signal.aborted; current = running) {
        await Promise.race([current, stopped]);
      }
      clearTimeout(late);
      stop.abort();
      if (timer !== null) clearTimeout(timer);
      return underWay === null && outbox.readyAtMs() === undefined;
    },
  };
}
