import type { MarketEvent } from '@kandle/market/event/market-event';
import type { EventProducer } from '@kandle/runtime/event-producer';
import { withDeadline } from '@kandle/runtime/deadline';

/** A producer of one topic that mends itself. */
export interface RenewedProducer {
  /** @throws {RetryableError} If the broker did not acknowledge in time; the events may be written or not. */
  send(events: readonly MarketEvent[]): Promise<void>;
  /** Waits for what is under way, at most a moment, then disconnects. */
  close(): Promise<void>;
}

/** Longest wait for an acknowledgement, longer than the client's own tries take. */
const SEND_DEADLINE_MS = 60_000;
const CLOSE_DEADLINE_MS = 3_000;
/** Failures in a row after which a new producer is made. */
const RENEW_AFTER = 3;

/**
 * Wraps a producer that is replaced when it fails again and again: a broker that lost its memory of an
 * idempotent producer refuses its sequences for ever. What is then written twice has the same batch sequence,
 * and counts once.
 */
export function createRenewedProducer(topic: string, create: () => EventProducer): RenewedProducer {
  let producer: EventProducer | null = null;
  let failures = 0;

  return {
    async send(events) {
      producer ??= create();
      try {
        await withDeadline(producer.send(topic, events), SEND_DEADLINE_MS, `no answer about ${topic}`);
        failures = 0;
      } catch (error) {
        failures += 1;
        if (failures >= RENEW_AFTER) {
          // Its end is awaited by nobody: it may hang with its broker.
          producer.close().catch(() => undefined);
          producer = null;
          failures = 0;
        }
        throw error;
      }
    },
    async close() {
      const closing = producer?.close();
      producer = null;
      if (closing !== undefined)
        await withDeadline(closing, CLOSE_DEADLINE_MS, 'no end').catch(() => undefined);
    },
  };
}
