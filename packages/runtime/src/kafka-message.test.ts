import type { MarketEvent } from '@kandle/market/event/market-event';
import { expect, test } from 'vitest';
import { CloudEvent, Kafka } from 'cloudevents';
import * as fc from 'fast-check';
import { toAvroMessage, toKafkaMessage } from './kafka-message.ts';

const EVENT: MarketEvent = {
  id: '1764000000000:finnhub-03:17',
  source: '/feeds/finnhub',
  type: 'io.kandle.trades.v1',
  key: 'finnhub-03',
  extensions: {
    partitionkey: 'finnhub-03',
    shard: 'finnhub-03',
    epoch: '1764000000000',
    sequence: '17',
    traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
  },
  data: { trades: ['9e-05', 1], text: '\u20ac' },
};

test('toKafkaMessage() has the headers of CloudEvents binary mode on Kafka, when the event is any', () => {
  const { key, value, headers, ...rest } = toKafkaMessage(EVENT);
  expect(rest).toEqual({});
  expect(key).toBe('finnhub-03');
  expect(value).toBe('{"trades":["9e-05",1],"text":"\u20ac"}');
  // CloudEvents Kafka protocol binding 1.0.2, section 3.2: `ce_` and the attribute's name, UTF-8 text.
  expect(headers).toEqual({
    'content-type': 'application/json',
    ce_specversion: '1.0',
    ce_id: '1764000000000:finnhub-03:17',
    ce_source: '/feeds/finnhub',
    ce_type: 'io.kandle.trades.v1',
    ce_time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
    ce_partitionkey: 'finnhub-03',
    ce_shard: 'finnhub-03',
    ce_epoch: '1764000000000',
    ce_sequence: '17',
    ce_traceparent: '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01',
  });
});

test('toAvroMessage() has the same attributes as JSON, and what says of what schema the data are', () => {
  const event = { ...EVENT, extensions: { ...EVENT.extensions, backfilled: 'recording' } };
  const value = Buffer.from([0, 255]);
  const { ce_time: _, ...json } = toKafkaMessage(event).headers ?? {};
  const { ce_time: __, ...avro } = toAvroMessage(event, { value }).headers ?? {};
  expect(avro).toEqual({ ...json, 'content-type': 'application/avro' });
  const dataschema = 'http://registry/schemas/ids/7';
  const named = toAvroMessage(event, { value, dataschema });
  expect(named).toMatchObject({ key: EVENT.key, value, headers: { ce_dataschema: dataschema } });
});

test.each<[string, unknown, string]>([
  ['an empty list', [], '[]'],
  ['a text', 'x', '"x"'],
  ['null', null, 'null'],
])('toKafkaMessage() has JSON as its value, when the data is %s', (_, data, value) => {
  expect(toKafkaMessage({ ...EVENT, data }).value).toBe(value);
});

test('toKafkaMessage() refuses, when an extension has a name that CloudEvents do not take', () => {
  expect(() => toKafkaMessage({ ...EVENT, extensions: { ingestTime: '1' } })).toThrow();
});

/** The record that the CloudEvents library makes of an event. */
function libraryMessage(event: MarketEvent): {
  readonly value: unknown;
  readonly headers: Record<string, unknown>;
} {
  const { id, source, type, extensions, data } = event;
  const { headers, value } = Kafka.binary(
    new CloudEvent({
      ...extensions,
      id,
      source,
      type,
      time: new Date().toISOString(),
      datacontenttype: 'application/json',
      data: JSON.stringify(data),
    }),
  );
  // The binding says `content-type` for this one; the library writes both, and some readers trip over the
  // second.
  const { ce_datacontenttype: _, ...rest } = headers;
  return { value, headers: rest };
}

test('toKafkaMessage() makes what the CloudEvents library makes, when the event is any', () => {
  const text = fc.string({ minLength: 1, maxLength: 40, unit: 'grapheme-ascii' });
  const events = fc.record({
    id: text,
    source: fc.constantFrom('/feeds/finnhub', 'https://example.com/x'),
    type: text,
    key: text,
    extensions: fc.dictionary(fc.stringMatching(/^ext[a-z0-9]{1,10}$/), text, { noNullPrototype: true }),
    data: fc.jsonValue().map((one) => ({ one })),
  });
  fc.assert(
    fc.property(events, (event) => {
      const { value, headers } = toKafkaMessage(event);
      const library = libraryMessage(event);
      expect(value).toEqual(library.value);
      expect({ ...headers, ce_time: '' }).toEqual({ ...library.headers, ce_time: '' });
    }),
  );
});
