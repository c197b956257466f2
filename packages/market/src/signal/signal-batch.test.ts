import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { z } from 'zod';
import {
  formatSignalBatch,
  MAX_SIGNAL_TEXT,
  parseSignalBatch,
  type Signal,
  type SignalBatch,
  signalId,
} from './signal-batch.ts';

const START_MS = 1_764_000_000_000;

const signals: fc.Arbitrary<Signal> = fc
  .record({
    rule: fc.constantFrom('ma-cross', 'rsi_over', 'x'),
    symbol: fc.constantFrom('AAPL', 'BINANCE:BTCUSDT', '^GSPC', 'EUR/USD', 'IC MARKETS:1'),
    windowStartMs: fc.constantFrom(0, START_MS, START_MS + 5_000),
    side: fc.constantFrom('buy' as const, 'sell' as const, 'neutral' as const),
    strength: fc.double({ min: 0, max: 1, noNaN: true }).map((value) => value + 0),
    numbers: fc.dictionary(
      fc.constantFrom('fast', 'slow', 'rsi14', 'k_atr'),
      fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => (value === 0 ? 0 : value)),
      { noNullPrototype: true },
    ),
    text: fc.string({ minLength: 1, maxLength: 80, unit: 'grapheme' }),
    state: fc.constantFrom('active' as const, 'retracted' as const),
    version: fc.integer({ min: 1, max: 9 }),
    causedAtMs: fc.nat(),
  })
  .map((signal) => ({ ...signal, id: signalId(signal) }));

const byId = (a: Signal, b: Signal): number => (a.id < b.id ? -1 : 1);

const batches: fc.Arbitrary<SignalBatch> = fc.record({
  shard: fc.constant('finnhub-03'),
  windowStartMs: fc.constant(START_MS),
  version: fc.integer({ min: 1, max: 9 }),
  signals: fc.uniqueArray(signals, { maxLength: 6, selector: ({ id }) => id }),
});

test('parseSignalBatch() gives the batch back with ids ascending, when it went through an event and JSON', () => {
  fc.assert(
    fc.property(batches, (batch) => {
      const [event, ...others] = formatSignalBatch(batch);
      expect(others).toEqual([]);
      if (batch.signals.length === 0) {
        expect(event).toBeUndefined();
        return;
      }
      const parsed = parseSignalBatch(JSON.parse(JSON.stringify(event?.data)));
      expect(parsed).toEqual({ ...batch, signals: batch.signals.toSorted(byId) });
    }),
  );
});

const SIGNAL: Signal = {
  id: `ma-cross:AAPL:${START_MS}`,
  rule: 'ma-cross',
  symbol: 'AAPL',
  windowStartMs: START_MS,
  side: 'buy',
  strength: 0.5,
  numbers: { fast: 10.5, slow: 10 },
  text: 'AAPL: the fast average crossed above the slow one',
  state: 'active',
  version: 3,
  causedAtMs: START_MS + 4_999,
};
const BATCH: SignalBatch = { shard: 'finnhub-03', windowStartMs: START_MS, version: 3, signals: [SIGNAL] };

test.each([
  [1, [1]],
  [100, [100]],
  [101, [100, 1]],
  [201, [100, 100, 1]],
])('formatSignalBatch() makes parts of at most 100, when there are %d signals', (count, sizes) => {
  const many = Array.from({ length: count }, (_, index) => {
    const signal = { ...SIGNAL, symbol: `S${9_999 - index}` };
    return { ...signal, id: signalId(signal) };
  });
  const events = formatSignalBatch({ ...BATCH, signals: many });
  const parsed = events.map((event) => parseSignalBatch(event.data));
  expect(parsed.map((part) => part.signals.length)).toEqual(sizes);
  expect(parsed.flatMap((part) => part.signals)).toEqual(many.toSorted(byId));
  expect(events.map(({ id }) => id)).toEqual(
    sizes.map((_, part) => `finnhub-03:${START_MS}:3:signals:${part}`),
  );
});

test('formatSignalBatch() carries the trace on, when there is one', () => {
  const [plain] = formatSignalBatch(BATCH);
  const [traced] = formatSignalBatch(BATCH, '00-a-b-01');
  expect(plain).toMatchObject({ type: 'io.kandle.signals.v1', source: '/feeds/finnhub', key: 'finnhub-03' });
  expect(plain?.extensions).toEqual({ partitionkey: 'finnhub-03', shard: 'finnhub-03' });
  expect(traced).toEqual({ ...plain, extensions: { ...plain?.extensions, traceparent: '00-a-b-01' } });
});

test('parseSignalBatch() takes a batch without signals, when a producer sends one', () => {
  expect(parseSignalBatch({ ...BATCH, signals: [] }).signals).toEqual([]);
  expect(parseSignalBatch(BATCH)).toEqual(BATCH);
});

test.each<[string, unknown]>([
  ['is null', null],
  ['has no shard', { ...BATCH, shard: undefined }],
  ['has a shard of 41 characters', { ...BATCH, shard: 'x'.repeat(41) }],
  ['has a negative start', { ...BATCH, windowStartMs: -5_000 }],
  ['has a version of 0', { ...BATCH, version: 0 }],
  ['has no signals', { ...BATCH, signals: undefined }],
  ['has 10,001 signals', { ...BATCH, signals: Array.from({ length: 10_001 }, () => SIGNAL) }],
])('parseSignalBatch() refuses, when the data %s', (_, data) => {
  expect(() => parseSignalBatch(data)).toThrow(z.ZodError);
});

test.each<[keyof Signal, readonly unknown[]]>([
  ['id', ['', 'other:AAPL:0', `ma-cross:AAPL:${START_MS + 1}`, 5]],
  ['rule', ['', 'Ma', 'a b', 'a:b', 'x'.repeat(41)]],
  ['symbol', ['AAPL ', '', null]],
  ['windowStartMs', [-1, 1.5, '0']],
  ['side', ['long', null]],
  ['strength', [-0.1, 1.1, null, '0.5']],
  ['numbers', [null, { fast: null }, { fast: '1' }, { 'a b': 1 }, { 0: 1 }, tooMany(21)]],
  ['text', ['', 5, 'x'.repeat(MAX_SIGNAL_TEXT + 1)]],
  ['state', ['open', undefined]],
  ['version', [0, 1.5]],
  ['causedAtMs', [-1, null]],
])('parseSignalBatch() refuses, when the %s of a signal is malformed', (name, values) => {
  for (const value of values) {
    const signal = { ...SIGNAL, [name]: value };
    // Another rule, symbol or window makes another id; what is wrong shall be the part itself.
    const id = name === 'id' ? signal.id : signalId(signal);
    expect(() => parseSignalBatch({ ...BATCH, signals: [{ ...signal, id }] })).toThrow(z.ZodError);
  }
});

test('parseSignalBatch() takes the largest signal that it allows, when text and numbers are at their bounds', () => {
  const signal = { ...SIGNAL, text: 'x'.repeat(MAX_SIGNAL_TEXT), numbers: tooMany(20), strength: 1 };
  expect(parseSignalBatch({ ...BATCH, signals: [signal] }).signals).toEqual([signal]);
});

function tooMany(count: number): Record<string, number> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`n${index}`, index]));
}
