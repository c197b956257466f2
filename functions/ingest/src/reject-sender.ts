import type { MarketEvent } from '@kandle/market/market-event';
import { describeError } from '@kandle/runtime/errors';
import type { Logger } from '@kandle/runtime/log';
import { backoffMs } from './backoff.ts';
import { pause } from './pause.ts';
import type { RejectQueue } from './reject-queue.ts';

/** Sends rejects beside the batches, so that a missing topic of rejects never holds up a trade. */
export interface RejectSender {
  wake(): void;
  /** Sends what waits. @returns False if the deadline came first. */
  flush(deadlineMs: number): Promise<boolean>;
}

const RETRY = { minMs: 500, maxMs: 10_000 };
/** Rejects of a moment go together. */
const LINGER_MS = 200;

/** Builds the sender; it sends when woken. */
export function createRejectSender(
  queue: RejectQueue,
  produce: (events: readonly MarketEvent[]) => Promise<void>,
  log: Logger,
): RejectSender {
  const stop = new AbortController();
  const hurry = new AbortController();
  let running: Promise<void> | null = null;

  function wake(): void {
    running ??= run().finally(() => {
      running = null;
    });
  }

  async function run(): Promise<void> {
    await pause(LINGER_MS, hurry.signal);
    for (let failures = 0; !stop.signal.aborted; ) {
      const event = queue.peek();
      if (event === null) return;
      try {
        await produce([event]);
        queue.takeOff();
        failures = 0;
      } catch (error) {
        if (failures === 0) log.warn(`Cannot send rejects, will try again: ${describeError(error)}`);
        await pause(backoffMs(failures, Math.random(), RETRY), stop.signal);
        failures += 1;
      }
    }
  }

  return {
    wake,
    async flush(deadlineMs) {
      hurry.abort();
      wake();
      const late = setTimeout(() => stop.abort(), deadlineMs);
      const stopped = new Promise<void>((resolve) => stop.signal.addEventListener('abort', () => resolve()));
      await Promise.race([running, stopped]);
      clearTimeout(late);
      stop.abort();
      return queue.size() === 0;
    },
  };
}
