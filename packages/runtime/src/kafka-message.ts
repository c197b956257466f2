import type { MarketEvent } from '@kandle/market/event/market-event';
import type { Message } from 'kafkajs';

/** What CloudEvents 1.0 takes as the name of an attribute. */
const ATTRIBUTE = /^[a-z0-9]+$/;

/**
 * The Kafka record of an event: CloudEvents binary mode, JSON data, the shard as key.
 *
 * Written by hand, because every event passes here three times: the CloudEvents library checks each one against
 * a schema and copies it. Its own record is what the test compares with.
 *
 * @throws {RangeError} If an extension has a name that CloudEvents do not take.
 */
export function toKafkaMessage({ id, source, type, key, extensions, data }: MarketEvent): Message {
  const headers: Record<string, string> = {
    'content-type': 'application/json',
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
  return { key, value: JSON.stringify(data), headers };
}
