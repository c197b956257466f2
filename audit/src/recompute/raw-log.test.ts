import { formatRawBatch } from '@kandle/market/feed/raw-batch';
import { expect, test } from 'vitest';
import type { TopicEvent } from '../read/raw-batch.ts';
import { createRawLog, type LogStretch, type RawLogOptions } from './raw-log.ts';

/** A whole five minutes. */
const BEGIN = 1_764_000_000_000;
const HORIZON_MS = 60_000;
const MINUTE_MS = 60_000;

function logOf(change: Partial<RawLogOptions> = {}) {
  const stretches: LogStretch[] = [];
  const log = createRawLog({
    horizonMs: HORIZON_MS,
    placeOf: () => undefined,
    maxHeldTrades: 100,
    release: 'as time goes on',
    isWanted: () => true,
    isDead: () => false,
    onStretch: (stretch) => {
      stretches.push(stretch);
      return Promise.resolve();
    },
    ...change,
  });
  return { log, stretches };
}

function event(sequence: number, watermarkMs: number, times: readonly number[], price = 1): TopicEvent {
  const records = times.map((t, n) => ({ id: `${sequence}.${n}`, record: { s: 'AAPL', p: price, t, v: 1 } }));
  const batch = formatRawBatch({
    shard: 'test-00',
    epoch: 1,
    sequence,
    watermarkMs,
    ingestTimeMs: 0,
    records,
  });
  return {
    partition: 0,
    offset: sequence,
    attributes: { type: batch.type, id: batch.id, ...batch.extensions },
    value: Buffer.from(JSON.stringify(batch.data)),
  };
}

test('createRawLog() hands a stretch over when no later batch can touch it, and not before', async () => {
  const { log, stretches } = logOf();
  await log.take(event(1, BEGIN, [BEGIN, BEGIN + 7_000]));
  await log.take(event(2, BEGIN + 5 * MINUTE_MS + HORIZON_MS - 1, [BEGIN + 5 * MINUTE_MS + 1]));
  expect(stretches).toEqual([]);
  await log.take(event(3, BEGIN + 5 * MINUTE_MS + HORIZON_MS, []));
  expect(stretches.map(({ startMs }) => startMs)).toEqual([BEGIN]);
  expect([...(stretches[0]?.windows.keys() ?? [])]).toEqual([BEGIN, BEGIN + 5_000]);
  await log.finish();
  expect(stretches.map(({ startMs }) => startMs)).toEqual([BEGIN, BEGIN + 5 * MINUTE_MS]);
});

test('createRawLog() numbers the trades of a batch without what does not count', async () => {
  const { log, stretches } = logOf();
  await log.take(event(1, BEGIN + 2 * MINUTE_MS, [5, BEGIN, BEGIN + 2 * MINUTE_MS, BEGIN + 2 * MINUTE_MS]));
  await log.finish();
  const trades = [...(stretches[0]?.windows.values() ?? [])].flat();
  expect(trades.map(({ id, index }) => [id, index])).toEqual([
    ['1.2', 0],
    ['1.3', 1],
  ]);
  expect(log.counts.notCounted).toEqual({ bad_time: 1, too_late: 1 });
});

test('createRawLog() takes a batch that stands in the log twice for one, and tells when its copies differ', async () => {
  const { log, stretches } = logOf();
  await log.take(event(1, BEGIN, [BEGIN]));
  await log.take(event(1, BEGIN, [BEGIN]));
  expect(log.contradictions).toEqual([]);
  await log.take(event(1, BEGIN, [BEGIN], 2));
  await log.finish();
  expect(log.counts).toMatchObject({ batches: 1, repeatedBatches: 2, trades: 1 });
  expect(log.contradictions).toEqual([{ shard: 'test-00', epoch: 1, sequence: 1 }]);
  expect([...(stretches[0]?.windows.values() ?? [])].flat()).toHaveLength(1);
});

test('createRawLog() tells which stretches to read again, when a batch comes after its time', async () => {
  const { log } = logOf();
  await log.take(event(1, BEGIN + 30 * MINUTE_MS, [BEGIN + 30 * MINUTE_MS]));
  await log.take(event(2, BEGIN + 40 * MINUTE_MS, []));
  await log.take(event(3, BEGIN + 30 * MINUTE_MS, [BEGIN + 30 * MINUTE_MS + 1]));
  expect([...log.again]).toEqual([`test-00|${BEGIN + 30 * MINUTE_MS}`]);
});

test('createRawLog() gives up with advice, when it would hold more than it may', () => {
  const { log } = logOf({ maxHeldTrades: 2 });
  expect(() => log.take(event(1, BEGIN, [BEGIN, BEGIN, BEGIN]))).toThrow(
    /Cannot audit: more than 2 trades .*--since/,
  );
});

test('createRawLog() counts what it cannot read', () => {
  const { log } = logOf();
  const good = event(1, BEGIN, []);
  for (const value of ['{', '{"records":[{"id":"","record":{}}]}', '[]']) {
    expect(log.take({ ...good, value: Buffer.from(value) })).toBeUndefined();
  }
  expect(log.take({ ...good, attributes: { ...good.attributes, shard: 'no shard' } })).toBeUndefined();
  expect(log.take({ ...good, attributes: {} })).toBeUndefined();
  expect(log.counts.unreadable).toBe(5);
});
