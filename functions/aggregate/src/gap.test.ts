import { PoisonError, RetryableError } from '@kandle/runtime/errors';
import { expect, test } from 'vitest';
import { batchEvent, createRig, gapEvent, SHARD, trade, W0 } from '../test/aggregate-rig.ts';

test('aggregate() publishes incomplete candles, when a gap comes before the trades, while they come, or after the close', async () => {
  for (const place of [0, 1, 2] as const) {
    const rig = createRig();
    const events = [
      batchEvent(1, [trade('a', 100, 10)], -800),
      batchEvent(2, [trade('b', 5_100, 11)], 7_000),
      batchEvent(3, [], 12_000),
    ];
    for (const event of events.toSpliced(place, 0, gapEvent(W0 - 60_000, W0 + 100)))
      await rig.create()(event);
    const newest = (windowStartMs: number) =>
      rig.published.findLast((batch) => batch.windowStartMs === windowStartMs)?.candles[0];
    expect(newest(W0)).toMatchObject({ complete: false, revision: place === 2 ? 1 : 0 });
    expect(newest(W0 + 5_000)).toMatchObject({ complete: true, revision: 0 });
  }
});

test('aggregate() revises every candle of a final window once and tells of it again, when a gap comes twice', async () => {
  const rig = createRig();
  const aggregate = rig.create();
  const other = { ...trade('b', 200, 12), symbol: 'B' };
  await aggregate(batchEvent(1, [trade('a', 100, 10), other], -800));
  await aggregate(batchEvent(2, [], 7_000));
  const before = rig.published.length;
  await aggregate(gapEvent(W0 + 4_999, W0 + 9_000));
  await rig.create()(gapEvent(W0 + 4_999, W0 + 9_000));
  const revised = { state: 'revised', version: 3, revision: 1, reason: 'feed_gap', complete: false };
  expect(rig.published.slice(before)).toMatchObject([
    { kind: 'revised', version: 3, candles: [revised, revised] },
    { kind: 'final', version: 3, candles: [revised, revised] },
  ]);
});

test('aggregate() tells of a gap with the retry, when the first try could not', async () => {
  const rig = createRig();
  await rig.create()(batchEvent(1, [trade('a', 100, 10)], -800));
  await rig.create()(batchEvent(2, [], 7_000));
  rig.failSend();
  await expect(rig.create()(gapEvent(W0, W0 + 1))).rejects.toThrow(RetryableError);
  await rig.create()(gapEvent(W0, W0 + 1));
  expect(rig.published.at(-1)?.candles).toMatchObject([{ version: 3, complete: false }]);
});

test('aggregate() writes no window that has no trade, when a gap lasts a weekend', async () => {
  const rig = createRig();
  const aggregate = rig.create();
  await aggregate(batchEvent(1, [trade('a', 100, 10)], -800));
  await aggregate(batchEvent(2, [], 7_000));
  const before = { ...rig.database.counts };
  await aggregate(gapEvent(W0 + 5_000, W0 + 60 * 3_600_000));
  // The shard's row, and nothing else: no window beyond what is closed needs a look.
  expect(rig.database.counts).toEqual({ reads: before.reads + 1, writes: before.writes + 1 });
  expect(await rig.database.windows.written(SHARD, 0, W0 * 2)).toEqual([W0]);
  expect(rig.published.at(-1)?.candles).toMatchObject([{ complete: true }]);
});

test('aggregate() refuses for ever, when a gap is malformed', async () => {
  const aggregate = createRig().create();
  const event = gapEvent(W0, W0);
  await expect(aggregate({ ...event, data: { ...(event.data as object), toMs: 1 } })).rejects.toThrow(
    PoisonError,
  );
});
