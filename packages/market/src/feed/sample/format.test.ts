import { expect, test } from 'vitest';
import { cleanBatch } from '../../trade/clean-trades.ts';
import { formatTradeBatch, parseTradeBatch } from '../../trade/trade-batch.ts';
import { recordFormat } from '../formats.ts';
import { formatRawBatch, parseRawBatch, type RawBatch } from '../raw-batch.ts';
import { createTradeMemory } from '../trade-identity.ts';

const NOW = 1_700_000_000_000;
const { seeTrade, judgeTrade, isSampled } = recordFormat('samples');
const sample = (changes: Readonly<Record<string, unknown>> = {}) => ({
  s: 'AAPL',
  p: 189.5,
  t: NOW,
  dv: 1_000,
  v: 25,
  ...changes,
});

test.each([
  [25, 25n],
  [0.5, null],
  [0, 0n],
  [null, 0n],
  [undefined, 0n],
])('a look whose volume has grown by %s counts', (v, shares) => {
  const judged = judgeTrade('id', sample({ v }));
  expect(judged).toMatchObject({ kind: 'trade' });
  if (judged.kind === 'trade' && shares !== null) expect(judged.trade.sizeE8).toBe(shares * 10n ** 8n);
});

test.each([
  [{ v: -1 }, 'bad_size'],
  [{ v: '7' }, 'bad_size'],
  [{ v: 0, p: 0 }, 'bad_price'],
  [{ p: null }, 'bad_price'],
  [{ t: null }, 'bad_time'],
  [{ s: undefined }, 'bad_symbol'],
])('a look is refused with %j', (changes, reason) => {
  expect(judgeTrade('id', sample(changes))).toMatchObject({ kind: 'reject', reason });
});

test('a look that comes again is known by what it shows, on the same connection and on another', () => {
  const memory = createTradeMemory();
  const see = (record: Readonly<Record<string, unknown>>, connection: number) => {
    const { price, size, conditions, ownId } = seeTrade(record);
    return memory.identify({ symbol: 'AAPL', eventTimeMs: NOW, price, size, conditions, ownId }, connection);
  };
  expect(see(sample(), 1)).not.toBeNull();
  expect(see(sample(), 1)).toBeNull();
  // After a reconnect nobody knows by how much the volume has grown since the look before.
  expect(see(sample({ v: null }), 2)).toBeNull();
  expect(see(sample({ dv: 1_025 }), 2)).not.toBeNull();
  expect(see(sample({ dv: null, v: null }), 2)).not.toBeNull();
});

test('trades with an id of their own are known by it', () => {
  const { seeTrade: see } = recordFormat('trades');
  expect([7, 'x', null, { a: 1 }].map((i) => see({ s: 'A', i }).ownId)).toEqual(['7', 'x', null, null]);
});

test('a batch of looks says so, from the raw log to the clean one', () => {
  const batch: RawBatch = {
    shard: 'yahoo-03',
    epoch: 1,
    sequence: 1,
    watermarkMs: NOW,
    ingestTimeMs: NOW,
    format: 'samples',
    records: [
      { id: 'a', record: sample({ v: null }) },
      { id: 'b', record: sample({ t: NOW + 1_000 }) },
    ],
  };
  const raw = formatRawBatch(batch);
  const { batch: clean } = cleanBatch(parseRawBatch(raw.extensions, raw.data), 900_000);
  expect(clean).toMatchObject({ sampled: true });
  const event = formatTradeBatch(clean);
  expect(event.extensions).toMatchObject({ sampled: 'true' });
  const read = parseTradeBatch(event.extensions, event.data);
  expect(read).toMatchObject({ sampled: true });
  expect(read.trades.map(({ sizeE8 }) => sizeE8)).toEqual([0n, 2_500_000_000n]);
  // The same of a feed of trades is none that transform writes.
  const { sampled: _, ...extensions } = event.extensions;
  expect(() => parseTradeBatch(extensions, event.data)).toThrow('size of 0');
  expect(isSampled).toBe(true);
});
