import type { MarketEvent } from '@kandle/market/event/market-event';
import { describeError } from '@kandle/runtime/errors';
import type { Logger } from '@kandle/runtime/log';
import { type BackOff, backOffMs } from '@kandle/runtime/back-off';
import { pause } from '../pause.ts';

/** Events to be sent together, in this order; if it fails, the same ones again. */
export interface Group {
  readonly events: readonly MarketEvent[];
}

/** Where and when a group is made. */
export interface Departure {
  readonly epoch: number;
  readonly monotonicMs: number;
  readonly wallMs: number;
  readonly traceparent: () => string;
}

/** What gathers until it leaves in groups. */
export interface LaneSource<G extends Group> {
  /**
   * The next group, null if there is none. From here on its contents are fixed.
   *
   * @param everything Takes also what would still gather.
   */
  take(departure: Departure, everything: boolean): G | null;
  /** Monotonic time at which the next group can be taken; undefined if nothing waits. */
  readyAtMs(): number | undefined;
}

/** What a lane is built of. */
export interface LaneOptions<G extends Group> {
  /** What is sent, for the log. */
  readonly what: string;
  readonly source: LaneSource<G>;
  /** Resolves when the events are acknowledged. */
  readonly produce: (events: readonly MarketEvent[]) => Promise<void>;
  /** Disconnects the producer. */
  readonly close: () => Promise<void>;
  readonly departure: () => Departure;
  readonly retry: BackOff;
  readonly onSent?: (group: G) => void;
  /** A send failed and will be tried again. */
  readonly onRetry?: () => void;
  readonly log: Logger;
}

/**
 * The way from a source to a topic: one group at a time, so that order is kept. A group that fails is sent
 * again unchanged, for ever, while what is new gathers behind it.
 */
export interface Lane {
  /** Something may be ready. Cheap; call it for every frame. */
  wake(): void;
  /** True if nothing waits, and nothing is under way. */
  isIdle(): boolean;
  /** Sends everything, without letting it gather. @returns False if the deadline came first. */
  flush(deadlineMs: number): Promise<boolean>;
  /** Disconnects; after {@link Lane.flush}. */
  close(): Promise<void>;
}

/** A broker that is away is reported at once, then every so many tries: about once a minute. */
const REPORT_EVERY = 20;

/** Builds a lane; it sends when woken. */
export function createLane<G extends Group>(options: LaneOptions<G>): Lane {
  const { what, source, produce, departure, retry, onSent, onRetry, log } = options;
  const stop = new AbortController();
  let running: Promise<void> | null = null;
  let timer: NodeJS.Timeout | null = null;
  let flushing = false;
  let underWay: G | null = null;

  async function deliver(group: G): Promise<void> {
    for (let attempt = 0; !stop.signal.aborted; attempt++) {
      try {
        await produce(group.events);
        if (attempt > 0) log.info({ attempts: attempt + 1 }, `Kafka is back: ${what} are sent again`);
        underWay = null;
        onSent?.(group);
        return;
      } catch (error) {
        onRetry?.();
        if (attempt % REPORT_EVERY === 0) {
          const fields = { attempt: attempt + 1, events: group.events.length };
          log.warn(fields, `Cannot send ${what}, will try again: ${describeError(error)}`);
        }
        await pause(backOffMs(attempt, Math.random(), retry), stop.signal);
      }
    }
  }

  async function run(): Promise<void> {
    while (!stop.signal.aborted) {
      underWay = source.take(departure(), flushing);
      if (underWay === null) return;
      await deliver(underWay);
    }
  }

  function wake(): void {
    if (running !== null || stop.signal.aborted) return;
    const readyAtMs = source.readyAtMs();
    if (readyAtMs === undefined) return;
    const waitMs = flushing ? 0 : readyAtMs - departure().monotonicMs;
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

  const isIdle = (): boolean => underWay === null && source.readyAtMs() === undefined;

  return {
    wake,
    isIdle,
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
      return isIdle();
    },
    close: options.close,
  };
}
