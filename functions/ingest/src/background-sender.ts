import type { MarketEvent } from '@kandle/market/event/market-event';
import { describeError } from '@kandle/runtime/errors';
import type { Logger } from '@kandle/runtime/log';
import { backoffMs } from './backoff.ts';
import { pause } from './pause.ts';

/** Sends beside the batches of trades, so that nothing else ever holds one up. */
export interface BackgroundSender {
  /** Something waits. Cheap. */
  wake(): void;
  /** True while something is under way. */
  isBusy(): boolean;
  /** Sends what waits. @returns False if the deadline came first. */
  flush(deadlineMs: number): Promise<boolean>;
}

/** What a sender in the background is made of. */
export interface BackgroundDeps {
  /** What is sent, for the log. */
  readonly what: string;
  /** What waits, in order: an event is asked for when the one before it is acknowledged, and not after a stop. */
  readonly take: () => Iterable<MarketEvent>;
  readonly isEmpty: () => boolean;
  /** Resolves when the events are acknowledged. */
  readonly produce: (events: readonly MarketEvent[]) => Promise<void>;
  /** How long what comes gathers before it leaves, milliseconds. */
  readonly everyMs: number;
  readonly log: Logger;
}

const RETRY = { minMs: 500, maxMs: 10_000 };

/** Builds a sender that sends when woken. An event that fails is sent again unchanged, for ever, and in its turn. */
export function createBackgroundSender(deps: BackgroundDeps): BackgroundSender {
  const stop = new AbortController();
  const hurry = new AbortController();
  let running: Promise<void> | null = null;

  function wake(): void {
    running ??= run().finally(() => {
      running = null;
    });
  }

  async function run(): Promise<void> {
    while (!deps.isEmpty() && !stop.signal.aborted) {
      await pause(deps.everyMs, hurry.signal);
      for (const event of deps.take()) {
        await deliver(event);
        if (stop.signal.aborted) return;
      }
    }
  }

  async function deliver(event: MarketEvent): Promise<void> {
    for (let failures = 0; !stop.signal.aborted; failures++) {
      try {
        await deps.produce([event]);
        return;
      } catch (error) {
        if (failures === 0)
          deps.log.warn(`Cannot send ${deps.what}, will try again: ${describeError(error)}`);
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
