import { expect, test } from 'vitest';
import { createShardBuffer } from './shard-buffer.ts';

const MINUTE_MS = 60_000;

test('append() cuts batches in market time, however fast a recording of a thin market is played', () => {
  const buffer = createShardBuffer('test-00', { maxTrades: 1_000, maxBatchBytes: 1_000_000, graceMs: 2_000 });
  for (let minute = 0; minute < 60; minute++) {
    const eventTimeMs = minute * MINUTE_MS;
    const place = { bytes: 10, eventTimeMs, monotonicMs: 0, watermarkMs: eventTimeMs };
    buffer.append({ id: String(minute), record: {} }, place);
  }
  buffer.seal(60 * MINUTE_MS);
  const batches: { readonly records: number; readonly spanMs: number; readonly watermarkMs: number }[] = [];
  for (let item = buffer.peek(); item !== undefined; buffer.shift(), item = buffer.peek()) {
    if (item.kind !== 'batch') throw new Error('A gap');
    const { records, toMs, fromMs, watermarkMs } = item;
    batches.push({ records: records.length, spanMs: toMs - fromMs, watermarkMs });
  }
  expect(batches.map(({ records }) => records)).toEqual(Array.from({ length: 10 }, () => 6));
  // A third of the horizon of 15 minutes, and each says where the market was at its end.
  for (const { spanMs } of batches) expect(spanMs).toBe(5 * MINUTE_MS);
  expect(batches.slice(0, 2).map(({ watermarkMs }) => watermarkMs)).toEqual([5 * MINUTE_MS, 11 * MINUTE_MS]);
});
