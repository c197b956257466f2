import { expect, test } from 'vitest';
import { GENERATED_BARS, NdjsonMappingSchema } from './mapping.ts';
import { parseTopicRecord } from './topic-record.ts';

const rule = { kind: 'trade', symbol: 's', price: 'p', size: 'v', time: { name: 't', unit: 'ms' } };
const trade = { s: 'A', p: 1.5, v: 2, t: 1_700_000_000_000 };
const parse = (record: unknown, ...rules: readonly unknown[]) =>
  parseTopicRecord(JSON.stringify(record), NdjsonMappingSchema.parse(rules), '3:1764');

test('parseTopicRecord() gives a trade its place for an id, when it has none of its own', () => {
  expect(parse(trade, rule)).toEqual({ kind: 'trade', entries: [{ ...trade, i: '3:1764' }] });
  expect(parse({ data: [trade, { ...trade, s: 'B' }] }, { ...rule, each: 'data' })).toMatchObject({
    entries: [
      { s: 'A', i: '3:1764:0' },
      { s: 'B', i: '3:1764:1' },
    ],
  });
  expect(parse({ ...trade, n: 7 }, { ...rule, id: 'n' })).toMatchObject({ entries: [{ i: 7 }] });
});

test('parseTopicRecord() answers as for a line, when the record holds no trades', () => {
  const at = { type: 'ohlc', symbol: 'A', start: '2026-11-29T10:00:00Z', open: 1, high: 2, low: 1, close: 2 };
  expect(parseTopicRecord(JSON.stringify(at), GENERATED_BARS, '0:1')).toMatchObject({
    entries: [{ s: 'A', dv: null }, {}, {}, {}],
  });
  expect(parse('text', rule)).toMatchObject({ kind: 'bad' });
  expect(parseTopicRecord('{"type":"x"}', GENERATED_BARS, '0:1')).toEqual({ kind: 'unknown', type: 'x' });
});
