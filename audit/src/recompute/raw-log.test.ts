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

interface Sent {
  readonly price?: number;
  readonly epoch?: number;
  /** What was known before the batch; without it the batch is one of an old log. */
  readonly knownMs?: number;
  readonly delayMs?: number;
}

function event(
  sequence: number,
  watermarkMs: number,
  times: readonly number[],
  { price = 1, epoch = 1, knownMs, delayMs }: Sent = {},
): TopicEvent {
  const records = times.map((t, n) => ({
    id: `${epoch}.${sequence}.${n}`,
    record: { s: 'AAPL', p: price, t, v: 1 },
    ...(delayMs === undefined ? {} : { delayMs }),
  }));
  const batch = formatRawBatch({
    shard: 'test-00',
    epoch,
    sequence,
    watermarkMs,
    watermarkBeforeMs: knownMs,
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
    ['1.1.2', 0],
    ['1.1.3', 1],
  ]);
  expect(log.counts.notCounted).toEqual({ bad_time: 1, too_late: 1 });
});

test('createRawLog() takes a batch that stands in the log twice for one, and tells when its copies differ', async () => {
  const { log, stretches } = logOf();
  await log.take(event(1, BEGIN, [BEGIN]));
  await log.take(event(1, BEGIN, [BEGIN]));
  expect(log.contradictions).toEqual([]);
  await log.take(event(1, BEGIN, [BEGIN], { price: 2 }));
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

const idsIn = (stretches: readonly LogStretch[]): readonly string[] =>
  stretches.flatMap(({ windows }) => [...windows.values()].flat()).map(({ id }) => id);

test('createRawLog() takes a trade for too late by what was known before its batch, not by its own watermark', async () => {
  const { log, stretches } = logOf();
  const night = BEGIN + 600 * MINUTE_MS;
  await log.take(event(1, night, [BEGIN, night], { knownMs: 0 }));
  await log.take(event(2, night, [BEGIN, night - HORIZON_MS], { knownMs: night }));
  await log.finish();
  expect(idsIn(stretches)).toEqual(['1.1.0', '1.2.1', '1.1.1']);
  expect(log.counts).toMatchObject({ notCounted: { too_late: 1 }, wantedTooLate: 1 });
});

test('createRawLog() lets a delayed symbol be late by its delay more, and holds its windows for as long', async () => {
  const { log, stretches } = logOf();
  const delayMs = 20 * MINUTE_MS;
  const now = BEGIN + 30 * MINUTE_MS;
  await log.take(event(1, now, [now], { knownMs: now }));
  await log.take(event(2, now, [now - delayMs - HORIZON_MS], { knownMs: now, delayMs }));
  await log.take(event(3, now, [now - delayMs - HORIZON_MS - 1], { knownMs: now, delayMs }));
  // Without the delay everything of it would be handed over by now.
  const later = now + MINUTE_MS / 2;
  await log.take(event(4, later, [], { knownMs: now }));
  expect(stretches).toEqual([]);
  await log.take(event(5, later, [later - delayMs - HORIZON_MS], { knownMs: later, delayMs }));
  await log.finish();
  expect(idsIn(stretches)).toEqual(['1.2.0', '1.5.0', '1.1.0']);
  expect(log.counts.notCounted).toEqual({ too_late: 1 });
  expect(log.again.size).toBe(0);
});

test('createRawLog() takes nothing for too late in a redriven batch, which tells nothing of the time', async () => {
  const { log, stretches } = logOf();
  const now = BEGIN + 60 * MINUTE_MS;
  await log.take(event(1, now, [BEGIN, now], { knownMs: BEGIN }));
  await log.take(event(2, now + 10 * MINUTE_MS, [], { knownMs: now }));
  expect(idsIn(stretches)).toEqual(['1.1.0', '1.1.1']);
  // Refused records that were sent again: an epoch of its own, watermark 0.
  await log.take(event(1, 0, [BEGIN + 1, now + 1], { epoch: 9, knownMs: 0 }));
  expect([...log.again]).toEqual([`test-00|${BEGIN}`, `test-00|${now}`]);
  expect(log.counts).toMatchObject({ trades: 4, redrivenTrades: 2, notCounted: {} });
  const shard = log.shards.get('test-00');
  expect(shard).toMatchObject({ watermarkMs: now + 10 * MINUTE_MS, liveWatermarkMs: now + 10 * MINUTE_MS });
  expect(shard?.first).toMatchObject({ epoch: 1, sequence: 1 });
});
