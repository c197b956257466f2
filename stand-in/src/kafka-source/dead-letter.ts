import type { Message } from 'kafkajs';
import type { Attempt } from './deliver.ts';
import { recordHeaders, type SourceEvent } from './source-event.ts';

/**
 * The record of an event that is given up, as the dead letter sink writes it: the event, with where it was
 * sent, and how that answered, if it did.
 *
 * Its key is the event's `partitionkey`, for the sink gets the event and never the record: another key is lost.
 */
export function deadLetterOf(event: SourceEvent, sink: string, last: Attempt): Message {
  return {
    key: event.attributes['partitionkey'] ?? null,
    value: event.body,
    headers: {
      ...recordHeaders(event),
      ce_knativeerrordest: `http://${sink}.kandle.svc.cluster.local`,
      ...(last.status === null ? {} : { ce_knativeerrorcode: String(last.status) }),
      ...(last.status === null || last.body.length === 0
        ? {}
        : { ce_knativeerrordata: last.body.toString('base64') }),
    },
  };
}
