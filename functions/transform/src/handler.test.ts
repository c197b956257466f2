import { EVENT_TYPES } from '@kandle/market/event/topics';
import { RetryableError } from '@kandle/runtime/errors';
import type { EventProducer } from '@kandle/runtime/event-producer';
import type { MetricAttributes } from '@kandle/runtime/instruments';
import type { ReceivedEvent } from '@kandle/runtime/received-event';
import { expect, test } from 'vitest';
import { createTransformMetrics } from './metrics.ts';
import { createTransform } from './handler.ts';

const NOW = 1_700_000_000_000;

const trade = (fields: Readonly<Record<string, unknown>>) => ({
  id: 'id',
  record: { s: 'AAPL', p: 1.5, t: NOW, v: 2, c: null, ...fields },
});

const BATCH: ReceivedEvent = {
  id: '7:finnhub-03:9',
  type: EVENT_TYPES.rawTrades,
  source: '/feeds/finnhub',
  attributes: {
    shard: 'finnhub-03',
    epoch: '7',
    sequence: '9',
    watermark: String(NOW),
    ingesttime: String(NOW),
  },
  data: {
    records: [
      trade({}),
      trade({ t: NOW - 1 }),
      trade({ v: 0 }),
      trade({ t: NOW - 900_001 }),
      trade({ p: -1 }),
      trade({ p: 0 }),
    ],
  },
  offset: null,
};

/** The function with its counters, as one object of sums by name and reason. */
function counted(send: EventProducer['send']) {
  const sums: Record<string, number> = {};
  const counter = (name: string) => ({
    add(value: number, attributes: MetricAttributes = {}) {
      const key = [name, ...Object.values(attributes)].join(' ');
      sums[key] = (sums[key] ?? 0) + value;
    },
  });
  const counters = createTransformMetrics({ counter, histogram: () => ({ record: () => undefined }) });
  const transform = createTransform({
    producer: { send },
    tradesTopic: 'trades',
    rejectsTopic: 'rejects',
    horizonMs: 900_000,
    counters,
  });
  return { transform, sums };
}

test('createTransform() counts trades, late ones among them, and rejects by reason', async () => {
  const { transform, sums } = counted(() => Promise.resolve());
  await transform(BATCH);
  expect(sums).toEqual({
    transform_trades_total: 2,
    transform_late_trades_total: 1,
    transform_not_trades_total: 1,
    'transform_rejects_total too_late': 1,
    'transform_rejects_total bad_price': 2,
  });
});

test('createTransform() counts a batch of which only what counts for nothing is left out, and no other', async () => {
  const { transform, sums } = counted(() => Promise.resolve());
  const official = trade({ c: ['16'] });
  for (const records of [
    [official, trade({}), official],
    [official, trade({ p: 0 })],
    [trade({})],
    [trade({ p: 0 })],
  ])
    await transform({ ...BATCH, data: { rules: 'us-tape', records } });
  expect(sums).toEqual({
    transform_trades_total: 2,
    'transform_rejects_total not_counted': 3,
    'transform_rejects_total bad_price': 2,
    transform_uncounted_batches_total: 1,
  });
});

test('createTransform() counts nothing, when Kafka does not acknowledge', async () => {
  const { transform, sums } = counted(() => Promise.reject(new RetryableError('Cannot produce to Kafka')));
  await expect(transform(BATCH)).rejects.toThrow(RetryableError);
  expect(sums).toEqual({});
});

test('createTransform() sends of books and news what it refuses, and no batch of trades', async () => {
  const sent: unknown[] = [];
  const { transform, sums } = counted(async (topic, events) => {
    for (const { id, type } of events) sent.push([topic, type, id]);
  });
  const book = { id: 'x', record: { s: 'AAPL', t: NOW, b: [[1, 2]], a: [[3, 4]] } };
  const news = { id: 'x', record: { id: 5, datetime: NOW / 1_000, headline: 'x', related: 'AAPL' } };
  const bad = { id: 'x', record: {} };
  await transform({ ...BATCH, type: EVENT_TYPES.rawBooks, data: { records: [book, bad] } });
  await transform({ ...BATCH, type: EVENT_TYPES.rawNews, data: { records: [news] } });
  await transform({ ...BATCH, type: EVENT_TYPES.rawNews, data: { records: [] } });
  expect(sent).toEqual([['rejects', 'io.kandle.rejects.v1', '7:finnhub-03:9:rejects']]);
  expect(sums).toEqual({ 'transform_rejects_total bad_symbol': 1 });
});
