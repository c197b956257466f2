import type { MarketEvent } from '@kandle/market/event/market-event';
import type { ReceivedEvent } from '@kandle/runtime/received-event';

/** An event as a function receives it: its data once through JSON. */
export function receivedEvent(event: MarketEvent, offset: bigint | null = null): ReceivedEvent {
  return {
    ...event,
    attributes: event.extensions,
    data: JSON.parse(JSON.stringify(event.data)),
    offset,
  };
}
