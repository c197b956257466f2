import { createRequire } from 'node:module';
import type { CloudEvent, HTTP } from 'cloudevents';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { checkEnvelope, type EnvelopeRules, tooLarge } from './envelope.ts';

const RULES: EnvelopeRules = { types: ['io.kandle.test.v1', 'io.kandle.more.v1'], maxBodyBytes: 1_000 };
const HEADERS = {
  'content-type': 'application/json',
  'content-length': '1000',
  'ce-specversion': '1.0',
  'ce-id': '1:finnhub-03:17',
  'ce-source': '/feeds/finnhub',
  'ce-type': 'io.kandle.test.v1',
  'ce-shard': 'finnhub-03',
};

test.each<[string, object]>([
  ['it is a good one', {}],
  ['it is of another known type', { 'ce-type': 'io.kandle.more.v1' }],
  ['its content type names a charset', { 'content-type': 'Application/JSON; charset=utf-8' }],
  ['its length is unknown', { 'content-length': undefined }],
  ['it has headers that are no attributes', { traceparent: '00-a-b-01', 'x-Odd_name': 'x' }],
  ['an attribute has 4,096 characters', { 'ce-x': 'x'.repeat(4_096) }],
  ['an attribute is empty', { 'ce-x': '' }],
  ['its content type stands there twice', { 'ce-datacontenttype': 'application/json' }],
  [
    'its source is that of KafkaSource',
    { 'ce-source': '/apis/v1/namespaces/kandle/kafkasources/raw#market.raw.v1' },
  ],
  ['its source is a URI', { 'ce-source': 'https://example.org:8080/feeds?x=1#y' }],
  ['its schema is a URI', { 'ce-dataschema': 'https://example.org/trades.v1' }],
])('checkEnvelope() finds nothing wrong, when %s', (_, change) => {
  expect(checkEnvelope({ ...HEADERS, ...change }, RULES)).toBeNull();
});

test.each<[string, object, number, string]>([
  [
    'it is in structured mode',
    { 'content-type': 'application/cloudevents+json; charset=utf-8' },
    415,
    'binary mode',
  ],
  ['it is in batch mode', { 'content-type': 'application/cloudevents-batch+json' }, 415, 'binary mode'],
  [
    'it has no version',
    { 'ce-specversion': undefined },
    400,
    'the header ce-specversion is missing or empty',
  ],
  ['it has no id', { 'ce-id': undefined }, 400, 'the header ce-id is missing or empty'],
  ['its id is empty', { 'ce-id': '' }, 400, 'the header ce-id is missing or empty'],
  ['it has no source', { 'ce-source': undefined }, 400, 'the header ce-source is missing or empty'],
  ['it has no type', { 'ce-type': undefined }, 400, 'the header ce-type is missing or empty'],
  ['it is of version 0.3', { 'ce-specversion': '0.3' }, 400, 'Not a CloudEvent of version 1.0'],
  ['an attribute name is not lower case', { 'ce-bad-name': 'x' }, 400, 'malformed name'],
  ['an attribute has no name', { 'ce-': 'x' }, 400, 'malformed name'],
  ['an attribute name has 65 characters', { [`ce-${'x'.repeat(65)}`]: 'x' }, 400, 'malformed name'],
  [
    'an attribute has 4,097 characters',
    { 'ce-x': 'x'.repeat(4_097) },
    400,
    'attribute x is repeated or too long',
  ],
  ['an attribute is a list', { 'ce-x': ['1', '2'] }, 400, 'attribute x is repeated or too long'],
  ['it brings its data as a header', { 'ce-data': 'x' }, 400, 'the name data'],
  ['it has an attribute of version 0.3', { 'ce-schemaurl': '/x' }, 400, 'the name schemaurl'],
  ['it hides a method of the runtime', { 'ce-validate': 'x' }, 400, 'the name validate'],
  ['its source has a blank', { 'ce-source': '/feeds/IC MARKETS' }, 400, 'source is no URI'],
  ['its source has a host and no scheme', { 'ce-source': '//example.org/x' }, 400, 'source is no URI'],
  ['its source has a broken escape', { 'ce-source': '/feeds/%zz' }, 400, 'source is no URI'],
  ['its schema is a path', { 'ce-dataschema': '/trades.v1' }, 400, 'dataschema is no URI'],
  ['its subject is empty', { 'ce-subject': '' }, 400, 'subject is empty'],
  ['its schema is empty', { 'ce-dataschema': '' }, 400, 'dataschema is no URI'],
  ['it is of an unknown type', { 'ce-type': 'x'.repeat(200) }, 422, `events of type ${'x'.repeat(100)}`],
  ['it has no content type', { 'content-type': undefined }, 415, 'not application/json'],
  ['it is text', { 'content-type': 'text/plain' }, 415, 'not application/json'],
  ['it is a JSON patch', { 'content-type': 'application/json-patch+json' }, 415, 'not application/json'],
  ['it is too large', { 'content-length': '1001' }, 413, 'larger than 1000 bytes'],
])('checkEnvelope() refuses with a reason, when %s', (_, change, status, reason) => {
  const refusal = checkEnvelope({ ...HEADERS, ...change }, RULES);
  expect(refusal?.status).toBe(status);
  expect(refusal?.reason).toContain(reason);
});

test('tooLarge() names the limit, when a body is cut', () => {
  expect(tooLarge(5)).toEqual({ status: 413, reason: 'The event is larger than 5 bytes' });
});

/**
 * The `cloudevents` that the function runtime brings: what it does not take ends as a 500 before our handler.
 */
const runtime = createRequire(createRequire(import.meta.url).resolve('@knative/func-ts'))('cloudevents') as {
  readonly HTTP: typeof HTTP;
};

test('checkEnvelope() passes on nothing that the function runtime would answer 500 to, when headers are any', () => {
  const text = fc.oneof(
    fc.string({
      unit: fc.constantFrom('/', ':', '#', '?', '%', '2', 'a', 'A', '.', '@', '[', ' ', '~', '\\', '_'),
      maxLength: 12,
    }),
    fc
      .tuple(
        fc.constantFrom('http://', 'urn:', '//', 'a://a'),
        fc.string({ unit: fc.constantFrom('/', ':', '#', '?', '8', 'a', '.', '-', '_'), maxLength: 8 }),
      )
      .map((parts) => parts.join('')),
  );
  const headers = fc
    .record(
      {
        'ce-source': text,
        'ce-subject': text,
        'ce-time': fc.oneof(text, fc.constantFrom('2026-11-24T00:00:00Z', '0')),
        'ce-dataschema': text,
        'ce-id': text,
        'ce-datacontenttype': fc.constantFrom('application/json', 'application/cloudevents+json', 'x'),
        'ce-datacontentencoding': fc.constantFrom('base64', ''),
      },
      { requiredKeys: [] },
    )
    .chain((known) =>
      fc
        .tuple(fc.constantFrom('emit', 'constructor', 'validate', 'data', 'schemaurl', 'tostring', 'x'), text)
        .map(([name, value]) => ({ ...known, [`ce-${name}`]: value })),
    );
  fc.assert(
    fc.property(headers, (changed) => {
      const sent = { ...HEADERS, ...changed };
      fc.pre(checkEnvelope(sent, RULES) === null);
      const { 'content-type': _, ...passedOn } = sent;
      const message = { headers: passedOn, body: undefined };
      // As the runtime does it: what it cannot read is no event to it (our 422), what does not validate is its
      // 500.
      if (!runtime.HTTP.isEvent(message)) return;
      expect((runtime.HTTP.toEvent(message) as CloudEvent).validate()).toBe(true);
    }),
    { numRuns: 2_000 },
  );
});
