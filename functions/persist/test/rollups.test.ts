import { meanPriceOf, notionalAsDouble, vwapOf } from '@kandle/market/candle/candle';
import { addE8, e16, e8, e8ToDouble } from '@kandle/market/number/fixed-point';
import {
  type CandleBatch,
  formatCandleBatch,
  type PublishedCandle,
} from '@kandle/market/candle/candle-batch';
import { createRandom } from '@kandle/tooling/random';
import { feedOfShard } from '@kandle/market/event/shard';
import { bucketOf } from '@kandle/market/view/buckets';
import { useTestKeyspace } from '@kandle/testkit/test-keyspace';
import { expect, test } from 'vitest';
import { createPersist } from '../src/handler.ts';
import { createRollupStore } from '../src/rollups/rollup-store.ts';
import { createRollups } from '../src/rollups/rollups.ts';
import { writeTimestamp } from '../src/views/view-rows.ts';
import { createViews } from '../src/views/views.ts';
import type { StoredCandle } from './memory-rollups.ts';
import { describeRollups } from './rollup-contract.ts';

const DAY = Date.UTC(2026, 10, 2);
const { client } = useTestKeyspace('rollups');
const views = createViews(client, { writeConcurrency: 8, maxRowsPerBatch: 200 });
const store = createRollupStore(client, views);

async function put({ shard, symbol, state, candle }: StoredCandle): Promise<void> {
  const { startMs, volumeE8, notionalE16, priceSumE8, tradeCount, parts, rank, ...same } = candle;
  const columns = {
    ...same,
    feed: feedOfShard(shard),
    shard,
    bucket: bucketOf('candles_5s', startMs),
    symbol,
    start: startMs,
    volume: e8ToDouble(volumeE8),
    vwap: vwapOf(candle),
    mean_price: meanPriceOf(candle),
    trade_count: tradeCount,
    state,
    price_rank: rank,
    notional: notionalAsDouble(candle),
    volume_e8: volumeE8,
    notional_e16: notionalE16,
    price_sum_e8: priceSumE8,
  };
  expect(parts).toBe(1);
  await views.write([[{ view: 'candles_5s', columns, timestamp: writeTimestamp(startMs, candle.version) }]]);
}

describeRollups('rollups in Cassandra', () => ({ store, put }));

/** Final candles of two symbols around every boundary, some of them revised once or twice. */
function makeBatches(): readonly CandleBatch[] {
  const random = createRandom(7);
  return [0, 5, 55, 60, 295, 300, 3_595, 3_600, 86_395, 86_400].flatMap((second) =>
    Array.from({ length: 1 + random.below(3) }, (_, n): CandleBatch => {
      const state = n === 0 ? 'final' : 'revised';
      const version = 2 + n;
      const candles = ['A', 'B'].map((symbol): PublishedCandle => {
        // Prices whose quotients have no end.
        const lowE8 = e8(BigInt(103 + 100 * random.below(9)) * 1_000_000n);
        const highE8 = addE8(lowE8, e8(BigInt(random.below(5)) * 12_500_000n));
        const prices = { openE8: lowE8, highE8, lowE8, closeE8: highE8 };
        const tradeCount = 1 + random.below(4);
        return {
          symbol,
          version,
          state,
          revision: n,
          reason: n === 0 ? null : 'late_trade',
          complete: random.chance(0.8),
          lastTradeMs: DAY,
          ...prices,
          volumeE8: e8(BigInt(1 + random.below(1_000)) * 10_000_000n),
          notionalE16: e16(BigInt(1 + random.below(50)) * 10_000_000_000_000_000n),
          priceSumE8: e8(BigInt(tradeCount) * lowE8),
          tradeCount,
        };
      });
      return {
        shard: 'sim-00',
        windowStartMs: DAY + second * 1_000,
        windowMs: 5_000,
        kind: state,
        version,
        candles,
      };
    }),
  );
}

const TABLES = [
  { table: 'candles_1m', periodMs: 60_000 },
  { table: 'candles_5m', periodMs: 300_000 },
  { table: 'candles_1h', periodMs: 3_600_000 },
  { table: 'candles_1d', periodMs: 86_400_000 },
] as const;

function naive(batches: readonly CandleBatch[], periodMs: number): readonly object[] {
  const newest = new Map<string, { readonly startMs: number; readonly candle: PublishedCandle }>();
  for (const { windowStartMs, candles } of batches.toSorted((a, b) => a.version - b.version)) {
    for (const candle of candles) {
      newest.set(`${candle.symbol}|${windowStartMs}`, { startMs: windowStartMs, candle });
    }
  }
  const groups = Map.groupBy(newest.values(), ({ startMs, candle }) =>
    [candle.symbol, Math.floor(startMs / periodMs) * periodMs].join('|'),
  );
  return [...groups]
    .map(([key, group]) => {
      const parts = group.toSorted((a, b) => a.startMs - b.startMs).map(({ candle }) => candle);
      const total = (numberOf: (candle: PublishedCandle) => number): number =>
        parts.reduce((sum, candle) => sum + numberOf(candle), 0);
      const exact = (of: (candle: PublishedCandle) => bigint): bigint =>
        parts.reduce((sum, candle) => sum + of(candle), 0n);
      const notional = exact(({ notionalE16 }) => notionalE16);
      const volume = exact(({ volumeE8 }) => volumeE8);
      const priceSum = exact(({ priceSumE8 }) => priceSumE8);
      const count = total(({ tradeCount }) => tradeCount);
      const prices = parts.flatMap(({ highE8, lowE8 }) => [Number(highE8) / 1e8, Number(lowE8) / 1e8]);
      return {
        key,
        open: Number(parts.at(0)?.openE8) / 1e8,
        close: Number(parts.at(-1)?.closeE8) / 1e8,
        high: Math.max(...prices),
        low: Math.min(...prices),
        volume: Number(`${volume}e-8`),
        notional: Number(`${notional}e-16`),
        vwap: Number(`${(notional * 10n ** 40n) / volume}e-48`),
        mean_price: Number(`${(priceSum * 10n ** 40n) / BigInt(count)}e-48`),
        volume_e8: volume,
        notional_e16: notional,
        price_sum_e8: priceSum,
        trade_count: count,
        version: total(({ version }) => version),
        revision: total(({ revision }) => revision),
        state: parts.some(({ revision }) => revision > 0) ? 'revised' : 'final',
        complete: !parts.some(({ complete }) => !complete),
        parts: parts.length,
      };
    })
    .toSorted((a, b) => (a.key < b.key ? -1 : 1));
}

async function readRollups(table: string): Promise<readonly object[]> {
  const { rows } = await client.execute(`SELECT * FROM ${table} WHERE feed = 'sim' ALLOW FILTERING`);
  return rows
    .map((row) => {
      const { symbol, start, open, close, high, low, volume, notional, trade_count: count } = row;
      const { version, revision, state, complete, parts, vwap, mean_price, volume_e8 } = row;
      const sums = {
        vwap,
        mean_price,
        volume_e8,
        notional_e16: row['notional_e16'],
        price_sum_e8: row['price_sum_e8'],
      };
      const key = `${symbol}|${start instanceof Date ? start.getTime() : ''}`;
      const numbers = { open, close, high, low, volume, notional, trade_count: count };
      return { key, ...numbers, ...sums, version, revision, state, complete, parts };
    })
    .toSorted((a, b) => (a.key < b.key ? -1 : 1));
}

test('persist() ends with the candles of the newest parts on every level, in any order, of two processes of which one is killed', async () => {
  const create = (process: string) => {
    const rollups = createRollups(store, {
      process,
      idleMs: 1_000_000,
      concurrency: 4,
      maxPending: 5,
      nowMs: () => performance.now(),
      nowUs: () => BigInt(Math.floor((performance.timeOrigin + performance.now()) * 1_000)),
      log: { warn: () => undefined },
    });
    return {
      rollups,
      persist: createPersist({ views, rollups, rows: { add: () => undefined }, horizonMs: 900_000 }),
    };
  };
  const batches = makeBatches();
  const random = createRandom(8);
  const order = [...batches, ...batches.filter(() => random.chance(0.3))]
    .map((batch) => ({ batch, place: random.below(1_000) }))
    .toSorted((a, b) => a.place - b.place);
  const [killed, other, next] = [create('p'), create('q'), create('r')];
  for (let from = 0; from < order.length; from += 3) {
    await Promise.all(
      order.slice(from, from + 3).flatMap(({ batch }, n) => {
        const { persist } = n === 1 ? other : killed;
        return formatCandleBatch(batch).map((event) =>
          persist({
            ...event,
            attributes: event.extensions,
            data: JSON.parse(JSON.stringify(event.data)),
            offset: null,
          }),
        );
      }),
    );
  }
  await other.rollups.close();
  await next.rollups.close();
  for (const { table, periodMs } of TABLES) {
    expect({ table, rows: await readRollups(table) }).toEqual({ table, rows: naive(batches, periodMs) });
  }
});
