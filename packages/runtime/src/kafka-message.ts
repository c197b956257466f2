import type { MarketEvent } from '@kandle/market/event/market-event';
import type { Message } from 'kafkajs';

/** What CloudEvents 1.0 takes as the name of an attribute. */
const ATTRIBUTE = /^[a-z0-9]+$/;

/** An event's data as Avro, and the name of their schema where an attribute has it. */
export interface AvroContent {
  readonly value: Buffer;
  readonly dataschema?: string | undefined;
}

/**
 * The Kafka record of an event: CloudEvents binary mode, JSON data, the shard as key.
 *
 * Written by hand, because every event passes here three times: the CloudEvents library checks each one against
 * a schema and copies it. Its own record is what the test compares with.
 *
 * @throws {RangeError} If an extension has a name that CloudEvents do not take.
 */
export function toKafkaMessage(event: MarketEvent): Message {
  return {
    key: event.key,
    value: JSON.stringify(event.data),
    headers: headersOf(event, 'application/json'),
  };
}

/** The same with data that are Avro. @throws {RangeError} As {@link toKafkaMessage}. */
export function toAvroMessage(event: MarketEvent, { value, dataschema }: AvroContent): Message {
  const headers = headersOf(event, 'application/avro');
  if (dataschema !== undefined) headers['ce_dataschema'] = dataschema;
  return { key: event.key, value, headers };
}

function headersOf(
  { id, source, type, extensions }: MarketEvent,
  contentType: string,
): Record<string, string> {
  const headers: Record<string, string> = {
    'content-type': contentType,
    ce_specversion: '1.0',
    ce_id: id,
    ce_source: source,
    ce_type: type,
    ce_time: new Date().toISOString(),
  };
  for (const [name, value] of Object.entries(extensions)) {
    if (!ATTRIBUTE.test(name))
      throw new RangeError(`Cannot send an event: ${name} is no name of an attribute`);
    headers[`ce_${name}`] = value;
  }
  return headers;
}
