import { setTimeout } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { batchEvent, createRig, trade, W0 } from '../test/aggregate-rig.ts';

test('aggregate() publishes no provisional candles, when its shard is behind', async () => {
  const rig = createRig();
  const aggregate = rig.create();
  rig.wait(60_000);
  await aggregate(batchEvent(1, [trade('a', 100, 10)], 3_000));
  expect(rig.published).toEqual([]);
  await aggregate(batchEvent(2, [], 7_000));
  expect(rig.published).toMatchObject([{ kind: 'final', candles: [{ tradeCount: 1 }] }]);
  await aggregate(batchEvent(3, [trade('b', 200, 12)], 7_000));
  expect(rig.published.map(({ kind }) => kind)).toEqual(['final', 'revised']);
});

test('aggregate() publishes what came too soon for a provisional candle, when the next window begins', async () => {
  const rig = createRig();
  const aggregate = rig.create();
  await aggregate(batchEvent(1, [trade('a', 100, 10)], -800));
  await aggregate(batchEvent(2, [trade('b', 200, 12)], -700));
  expect(rig.published).toMatchObject([{ kind: 'provisional', candles: [{ tradeCount: 1 }] }]);
  await aggregate(batchEvent(3, [trade('c', 5_100, 13)], 4_200));
  await aggregate(batchEvent(4, [trade('d', 5_200, 13)], 4_300));
  expect(rig.published.slice(1)).toMatchObject([
    { kind: 'provisional', windowStartMs: W0, candles: [{ tradeCount: 2 }] },
    { kind: 'provisional', windowStartMs: W0 + 5_000, candles: [{ tradeCount: 1 }] },
  ]);
  await aggregate(batchEvent(5, [trade('e', 10_100, 13)], 9_200));
  expect(rig.published.slice(3).map(({ kind, windowStartMs }) => [kind, windowStartMs - W0])).toEqual([
    ['provisional', 5_000],
    ['provisional', 10_000],
    ['final', 0],
  ]);
});

test('aggregate() publishes nothing of a window that another process may have closed, when a batch came between', async () => {
  const rig = createRig();
  const [one, other] = [rig.create(), rig.create()];
  await one(batchEvent(1, [trade('a', 100, 10)], -800));
  await one(batchEvent(2, [trade('b', 200, 12)], -700));
  await other(batchEvent(3, [trade('c', 5_100, 13)], 8_000));
  await one(batchEvent(4, [trade('d', 5_200, 14)], 8_100));
  expect(rig.published.filter(({ windowStartMs }) => windowStartMs === W0).map(({ kind }) => kind)).toEqual([
    'provisional',
    'final',
    'final',
  ]);
});

test('aggregate() publishes the windows of a batch in their order, when the first are written last', async () => {
  let [writes, underWay, most] = [0, 0, 0];
  const rig = createRig([], async () => {
    most = Math.max(most, ++underWay);
    await setTimeout(20 - 5 * (writes++ % 4));
    underWay -= 1;
  });
  const aggregate = rig.create();
  const trades = [0, 1, 2].map((n) => trade(`t${n}`, n * 5_000 + 100, 10 + n));
  await aggregate(batchEvent(1, trades, 0));
  expect(most).toBe(3);
  await aggregate(batchEvent(2, [], 20_000));
  expect(rig.published.map(({ kind, windowStartMs }) => [kind, windowStartMs - W0])).toEqual([
    ['provisional', 0],
    ['provisional', 5_000],
    ['provisional', 10_000],
    ['final', 0],
    ['final', 5_000],
    ['final', 10_000],
  ]);
});
