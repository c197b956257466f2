import type { IncomingMessage, ServerResponse } from 'node:http';
import { createMetrics } from './metrics.ts';
import type { SenderFault } from './sender-rules.ts';

const metrics = createMetrics('function');
const events = metrics.counter(
  'function_events_total',
  'Events by type and answer: an HTTP status, or cut if the sender did not wait for it',
);
const seconds = metrics.histogram('function_event_seconds', 'Time from an event to its answer', 's');
const coldStarts = metrics.histogram(
  'function_cold_start_seconds',
  'Time from the start of a process to its first answer',
  's',
);
const refusedSenders = metrics.counter(
  'function_refused_senders_total',
  'Events whose sender showed no token, or none that counts, by the reason',
);

/** Counts an event that was refused because of its sender. */
export function countRefusedSender(reason: SenderFault): void {
  refusedSenders.add(1, { reason });
}

/**
 * Counts and times every request by the event's type and the answer, and the cold start once.
 *
 * @param types The types that the function takes; any other is counted as `other`.
 */
export function createEventMetrics(
  types: readonly string[],
): (request: IncomingMessage, response: ServerResponse) => void {
  let isFirst = true;
  return (request, response) => {
    const startMs = performance.now();
    response.once('close', () => {
      const type = request.headers['ce-type'];
      const attributes = {
        type: typeof type === 'string' && types.includes(type) ? type : 'other',
        answer: response.writableFinished ? String(response.statusCode) : 'cut',
      };
      events.add(1, attributes);
      const endMs = performance.now();
      seconds.record((endMs - startMs) / 1_000, attributes);
      // This clock began with the process.
      if (isFirst) coldStarts.record(endMs / 1_000);
      isFirst = false;
    });
  };
}
