import type { RawBatch, RawRecord } from '../feed/raw-batch.ts';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cleanBatch } from './clean-trades.ts';

const HORIZON_MS = 900_000;
const NOW = 1_700_000_000_000;

function rawBatch(records: readonly RawRecord[], watermarkMs = NOW): RawBatch {
  return { shard: 'finnhub-03', epoch: 7, sequence: 9, watermarkMs, ingestTimeMs: NOW, records };
}

function record(fields: Record<string, unknown>): RawRecord {
  return { id: 'id', record: { s: 'AAPL', p: 1.5, t: NOW, v: 2, c: null, ...fields } };
}

test('cleanBatch() keeps epoch, sequence and the order of the trades, when records are good', () => {
  const { batch, rejects } = cleanBatch(rawBatch([record({ p: 2 }), record({ s: 'MSFT' })]), HORIZON_MS);
  expect(batch).toMatchObject({ shard: 'finnhub-03', epoch: 7, sequence: 9, watermarkMs: NOW });
  expect(batch.trades).toEqual([
    { id: 'id', symbol: 'AAPL', eventTimeMs: NOW, priceE8: 200_000_000n, sizeE8: 200_000_000n },
    { id: 'id', symbol: 'MSFT', eventTimeMs: NOW, priceE8: 150_000_000n, sizeE8: 200_000_000n },
  ]);
  expect(rejects).toEqual([]);
});

test.each([
  ['bad_symbol', { s: 'AAPL\n' }],
  ['bad_symbol', { s: 7 }],
  ['bad_time', { t: 1_700_000_000 }],
  ['bad_time', { t: NOW + 0.5 }],
  ['bad_price', { p: 0 }],
  ['bad_price', { p: -1 }],
  ['bad_price', { p: 'Infinity' }],
  ['too_many_decimals', { p: 4e-9 }],
  ['bad_price', { p: 1.1e12 }],
  ['bad_size', { v: -2 }],
  ['bad_size', { v: null }],
  ['too_many_decimals', { v: 1e-9 }],
  ['too_late', { t: NOW - HORIZON_MS - 1 }],
] as const)('cleanBatch() rejects one record as %s and keeps the rest, when it is %j', (reason, fields) => {
  const { batch, rejects } = cleanBatch(rawBatch([record({}), record(fields), record({})]), HORIZON_MS);
  expect(batch.trades).toHaveLength(2);
  expect(rejects).toMatchObject([{ id: '7:finnhub-03:9:1', reason, record: record(fields).record }]);
});

test('cleanBatch() counts a trade, when it is exactly one horizon late', () => {
  expect(cleanBatch(rawBatch([record({ t: NOW - HORIZON_MS })]), HORIZON_MS).batch.trades).toHaveLength(1);
});

test('cleanBatch() judges lateness by what was known before the batch, when the batch spans more than the horizon', () => {
  const night = [record({ t: NOW - 10 * HORIZON_MS }), record({})];
  expect(cleanBatch({ ...rawBatch(night), watermarkBeforeMs: 0 }, HORIZON_MS).batch.trades).toHaveLength(2);
  const known = { ...rawBatch(night), watermarkBeforeMs: NOW - 10 * HORIZON_MS };
  expect(cleanBatch(known, HORIZON_MS).batch.trades).toHaveLength(2);
  const late = cleanBatch({ ...rawBatch(night), watermarkBeforeMs: NOW }, HORIZON_MS);
  expect(late.batch.trades).toHaveLength(1);
  expect(late.rejects).toMatchObject([{ reason: 'too_late', shard: 'finnhub-03', tradeId: 'id' }]);
});

test('cleanBatch() judges a delayed symbol by its own time', () => {
  const t = NOW - 20 * 60_000;
  const delayed = { ...record({ t }), delayMs: 20 * 60_000 };
  const batch = { ...rawBatch([delayed, record({ t })]), watermarkBeforeMs: NOW };
  expect(cleanBatch(batch, HORIZON_MS)).toMatchObject({
    batch: { trades: [{ eventTimeMs: t }] },
    rejects: [{ id: '7:finnhub-03:9:1', reason: 'too_late' }],
  });
});

test('cleanBatch() makes an empty batch, when no record is a trade', () => {
  const cleaned = cleanBatch(rawBatch([record({ v: 0 })]), HORIZON_MS);
  expect(cleaned).toMatchObject({ batch: { trades: [] }, rejects: [], notTrades: 1 });
});

const TAPE = 'us-tape' as const;

test('cleanBatch() says by the rules of its batch what the price of each trade counts for', () => {
  const codes = [null, ['1'], ['1', '12'], ['30'], ['30', '12'], ['53', '52', '41'], ['77']];
  const { batch, rejects } = cleanBatch(
    { ...rawBatch(codes.map((c) => record({ c }))), rules: TAPE },
    HORIZON_MS,
  );
  expect(rejects).toEqual([]);
  expect(batch.trades.map(({ rank, conditions }) => [conditions, rank])).toEqual([
    [undefined, undefined],
    ['1', undefined],
    ['1,12', 2],
    ['30', 1],
    ['30,12', 2],
    ['53,52,41', 2],
    ['77', undefined],
  ]);
});

test('cleanBatch() refuses what counts for nothing by its conditions, before it is too late', () => {
  const official = record({ c: ['16'], t: NOW - 2 * HORIZON_MS });
  const { batch, rejects } = cleanBatch({ ...rawBatch([official]), rules: TAPE }, HORIZON_MS);
  expect(batch.trades).toEqual([]);
  expect(rejects).toMatchObject([{ reason: 'not_counted', detail: 'conditions 16 count for nothing' }]);
});

test('cleanBatch() passes a price update on as a look, unless its batch is from before they counted', () => {
  const { batch } = cleanBatch({ ...rawBatch([record({ v: 0 })]), rules: 'all' }, HORIZON_MS);
  expect(batch.trades).toMatchObject([{ rank: 3, sizeE8: 0n, priceE8: 150_000_000n }]);
  const old = cleanBatch(rawBatch([record({ v: 0 }), record({ c: ['12'] })]), HORIZON_MS);
  expect(old).toMatchObject({ notTrades: 1, batch: { trades: [{ sizeE8: 200_000_000n }] } });
  expect(old.batch.trades[0]).not.toHaveProperty('rank');
});

test('cleanBatch() hands the rules on with what came too late, so that it counts by them when it is redriven', () => {
  const late = { ...rawBatch([record({ t: NOW - 2 * HORIZON_MS })]), rules: TAPE };
  expect(cleanBatch(late, HORIZON_MS).rejects).toMatchObject([{ reason: 'too_late', rules: TAPE }]);
});

test('cleanBatch() accounts for every record, whatever it holds', () => {
  const anything = fc.oneof(fc.anything(), fc.constantFrom(0, 1.5, NOW, 'AAPL', null));
  const records = fc.array(fc.record({ s: anything, p: anything, t: anything, v: anything, c: anything }));
  fc.assert(
    fc.property(records, (list) => {
      const batch = rawBatch(list.map((fields) => ({ id: 'x', record: fields })));
      const cleaned = cleanBatch(batch, HORIZON_MS);
      expect(cleaned.batch.trades.length + cleaned.rejects.length + cleaned.notTrades).toBe(list.length);
    }),
  );
});
