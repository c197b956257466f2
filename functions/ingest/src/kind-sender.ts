import type { MarketEvent } from '@kandle/market/market-event';
import { describeError } from '@kandle/runtime/errors';
import type { Logger } from '@kandle/runtime/log';
import { backoffMs } from './backoff.ts';
import type { KindQueue } from './kind-queue.ts';
import type { Departure } from './outbox.ts';
import { pause } from './pause.ts';

/** Sends books and news in rounds, so that a symbol's books of a moment become one. */
export interface KindSender {
  /** Something waits. Cheap. */
  wake(): void;
  /** True while something is under way. */
  isBusy(): boolean;
  /** Sends what waits. @returns False if the deadline came first. */
  flush(deadlineMs: number): Promise<boolean>;
}

/** What the sender is made of. */
export interface KindSenderDeps {
  readonly queue: KindQueue;
  /** Resolves when the event is acknowledged. */
  readonly produce: (events: readonly MarketEvent[]) => Promise<void>;
  readonly departure: () => Departure;
  /** Shortest time between two rounds, milliseconds. */
  readonly everyMs: number;
  readonly log: Logger;
}

const RETRY = { minMs: 500, maxMs: 10_000 };

/** Builds the sender; it sends when woken. An event that fails is sent again unchanged, while books go on to coalesce. */
export function createKindSender({ queue, produce, departure, everyMs, log }: KindSenderDeps): KindSender {
  const stop = new AbortController();
  const hurry = new AbortController();
  let running: Promise<void> | null = null;

  function wake(): void {
    running ??= run().finally(() => {
      running = null;
    });
  }

  async function run(): Promise<void> {
    while (queue.size() > 0 && !stop.signal.aborted) {
      await pause(everyMs, hurry.signal);
      for (const event of queue.take(departure())) await deliver(event);
    }
  }

  async function deliver(event: MarketEvent): Promise<void> {
    for (let failures = 0; !stop.signal.aborted; failures++) {
      try {
        await produce([event]);
        return;
      } catch (error) {
        if (failures === 0) log.warn(`Cannot send books or news, will try again: ${describeError(error)}`);
        await pause(backoffMs(failures, Math.random(), RETRY), stop.signal);
      }
    }
  }

  return {
    wake,
    isBusy: () => running !== null,
    async flush(deadlineMs) {
      hurry.abort();
      wake();
      const late = setTimeout(() => stop.abort(), deadlineMs);
      const stopped = new Promise<void>((resolve) => stop.signal.addEventListener('abort', () => resolve()));
      await Promise.race([running, stopped]);
      clearTimeout(late);
      const isDone = !stop.signal.aborted;
      stop.abort();
      return isDone;
    },
  };
}
