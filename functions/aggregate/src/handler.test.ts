import { e8 } from '@kandle/market/number/fixed-point';
import { EVENT_TYPES } from '@kandle/market/event/topics';
import { PoisonError, RetryableError } from '@kandle/runtime/errors';
import type { Fault } from '@kandle/testkit/faulty-database';
import { expect, test } from 'vitest';
import { batchEvent, createRig, gapEvent, SHARD, trade, W0 } from '../test/aggregate-rig.ts';

test('aggregate() publishes a provisional and then a final candle, when the watermark passes end plus grace', async () => {
  const rig = createRig();
  const aggregate = rig.create();
  await aggregate(batchEvent(1, [trade('a', 100, 10), trade('b', 200, 12)], -800));
  await aggregate(batchEvent(2, [trade('c', 4_000, 9)], 3_000));
  expect(rig.published.map((batch) => batch.kind)).toEqual(['provisional']);
  await aggregate(batchEvent(3, [], 7_000));
  const last = rig.published.at(-1);
  expect(last).toMatchObject({ kind: 'final', windowStartMs: W0, version: 3 });
  expect(last?.candles).toMatchObject([
    {
      symbol: 'A',
      state: 'final',
      openE8: e8(1_000_000_000n),
      closeE8: e8(900_000_000n),
      tradeCount: 3,
      version: 3,
    },
  ]);
  expect(rig.database.shardAt(SHARD)).toMatchObject({ open: [], closedToMs: W0 + 5_000 });
});

test('aggregate() takes a late window off the list, when the first try could not and the second goes to another process', async () => {
  const faults: Fault[] = [];
  const rig = createRig(faults);
  const other = rig.create();
  await other(batchEvent(1, [trade('a', 100, 10)], -800));
  await other(batchEvent(2, [], 20_000));
  const late = batchEvent(3, [trade('b', 5_100, 10)], 20_000);
  // Everything works but the last statement.
  faults.push('none', 'none', 'none', 'none', 'none', 'error');
  await expect(rig.create()(late)).rejects.toThrow(RetryableError);
  expect(rig.database.shardAt(SHARD).open).toEqual([W0 + 5_000]);
  // It knows the shard from before, when nothing was open.
  await other(late);
  expect(rig.database.shardAt(SHARD).open).toEqual([]);
});

test('aggregate() merges a batch once, when it comes three times and to another process', async () => {
  const rig = createRig();
  const first = rig.create();
  const event = batchEvent(1, [trade('a', 100, 10)], -800);
  await first(event);
  await first(event);
  await rig.create()(event);
  expect(rig.database.windowAt({ shard: SHARD, windowStartMs: W0 }).rows.get('A')?.candle.tradeCount).toBe(1);
});

test('aggregate() publishes a final window again, when a batch that it holds comes again', async () => {
  const rig = createRig();
  const aggregate = rig.create();
  await aggregate(batchEvent(1, [trade('a', 100, 10)], -800));
  await aggregate(batchEvent(2, [], 7_000));
  const before = rig.published.length;
  await rig.create()(batchEvent(1, [trade('a', 100, 10)], -800));
  expect(rig.published.slice(before)).toMatchObject([{ kind: 'final', version: 2 }]);
  expect(rig.published.at(-1)).toEqual(rig.published[before - 1]);
});

test('aggregate() revises a final window, when a trade comes late', async () => {
  const rig = createRig();
  const aggregate = rig.create();
  await aggregate(batchEvent(1, [trade('a', 100, 10)], -800));
  await aggregate(batchEvent(2, [], 7_000));
  await aggregate(batchEvent(3, [trade('late', 50, 8)], 7_100));
  expect(rig.published.at(-1)).toMatchObject({
    kind: 'revised',
    version: 3,
    candles: [{ state: 'revised', revision: 1, reason: 'late_trade', openE8: e8(800_000_000n), version: 3 }],
  });
});

test('aggregate() makes a symbol final at once, when its first trade comes after the close', async () => {
  const rig = createRig();
  const aggregate = rig.create();
  await aggregate(batchEvent(1, [trade('a', 6_000, 10)], 7_000));
  await aggregate(batchEvent(2, [trade('late', 50, 8)], 7_100));
  expect(rig.published.at(-1)?.candles).toMatchObject([{ state: 'final', revision: 0, version: 2 }]);
});

test('aggregate() closes again and publishes, when the publishing of the final candles failed', async () => {
  const rig = createRig();
  const aggregate = rig.create();
  await aggregate(batchEvent(1, [trade('a', 100, 10)], -800));
  rig.failSend();
  await expect(aggregate(batchEvent(2, [], 7_000))).rejects.toThrow(RetryableError);
  expect(rig.database.shardAt(SHARD).open).toEqual([W0]);
  await rig.create()(batchEvent(2, [], 7_000));
  expect(rig.published.at(-1)).toMatchObject({ kind: 'final', version: 2 });
  expect(rig.database.shardAt(SHARD).open).toEqual([]);
});

test.each(['unknown_applied', 'unknown_lost'] as const)(
  'aggregate() counts a batch once, when the outcome of its transaction is %s',
  async (fault) => {
    // Statements of the first batch: read shard, register the window, merge.
    const rig = createRig(['none', 'none', fault]);
    await rig.create()(batchEvent(1, [trade('a', 100, 10)], -800));
    expect(rig.database.windowAt({ shard: SHARD, windowStartMs: W0 }).rows.get('A')?.candle.tradeCount).toBe(
      1,
    );
  },
);

test('aggregate() reads nothing and writes once, when a batch is a usual one', async () => {
  const rig = createRig();
  const aggregate = rig.create();
  await aggregate(batchEvent(1, [trade('a', 100, 10)], -800));
  const before = { ...rig.database.counts };
  const symbols = Array.from({ length: 300 }, (_, n) => ({
    ...trade(`t${n}`, 300 + n, 10),
    symbol: `S${n}`,
  }));
  await aggregate(batchEvent(2, symbols, -400));
  expect(rig.database.counts).toEqual({ reads: before.reads, writes: before.writes + 1 });
});

test('aggregate() writes a shard once a window and reads nothing, when it trades in every window', async () => {
  const rig = createRig();
  const aggregate = rig.create();
  const openAfter: (readonly number[])[] = [];
  const WINDOWS = 6;
  await aggregate(batchEvent(1, [trade('a', 100, 10)], -800));
  const before = { ...rig.database.counts };
  for (let n = 1; n <= WINDOWS; n++) {
    await aggregate(batchEvent(2 * n, [trade(`b${n}`, n * 5_000 + 100, 10)], n * 5_000 - 900));
    await aggregate(batchEvent(2 * n + 1, [trade(`c${n}`, n * 5_000 + 3_000, 10)], n * 5_000 + 2_000));
    openAfter.push(rig.database.shardAt(SHARD).open.map((startMs) => (startMs - W0) / 5_000));
  }
  // Two batches merged, one window closed, one registered with the one before taken off.
  expect(rig.database.counts).toEqual({ reads: before.reads, writes: before.writes + 4 * WINDOWS });
  expect(openAfter.at(-1)).toEqual([WINDOWS - 1, WINDOWS]);
  // With the last window nothing is left to wait for.
  await aggregate(batchEvent(100, [], WINDOWS * 5_000 + 7_000));
  expect(rig.database.shardAt(SHARD)).toMatchObject({ open: [], closedToMs: W0 + (WINDOWS + 1) * 5_000 });
  const finals = rig.published.filter(({ kind }) => kind === 'final');
  expect(finals.map(({ windowStartMs }) => (windowStartMs - W0) / 5_000)).toEqual(
    Array.from({ length: WINDOWS + 1 }, (_, n) => n),
  );
});

test('aggregate() goes through a window again and takes it off, when the process died that had closed it', async () => {
  const rig = createRig();
  const first = rig.create();
  await first(batchEvent(1, [trade('a', 100, 10)], -800));
  await first(batchEvent(2, [trade('b', 5_100, 10)], 7_000));
  expect(rig.database.shardAt(SHARD).open).toEqual([W0, W0 + 5_000]);
  const published = rig.published.length;
  await rig.create()(batchEvent(3, [], 12_000));
  expect(rig.published.slice(published)).toMatchObject([
    { kind: 'final', windowStartMs: W0, version: 2 },
    { kind: 'final', windowStartMs: W0 + 5_000, version: 2 },
  ]);
  expect(rig.database.shardAt(SHARD)).toMatchObject({ open: [], closedToMs: W0 + 10_000 });
});

test('aggregate() counts what is repeated, late, revised, incomplete, lost and unknown', async () => {
  const rig = createRig(['none', 'none', 'unknown_applied']);
  const first = rig.create();
  await first(batchEvent(1, [trade('a', 100, 10)], -800));
  await first(batchEvent(1, [trade('a', 100, 10)], -800));
  const other = rig.create();
  await other(batchEvent(2, [trade('b', 200, 10)], -800));
  // What the first one remembers is old by now.
  await first(batchEvent(3, [trade('c', 300, 10)], 7_000));
  await first(batchEvent(4, [trade('late', 50, 8), trade('late too', 60, 8)], 7_100));
  await first(gapEvent(W0, W0 + 1));
  expect(Object.fromEntries(rig.counted)).toEqual({
    'cas_retries unknown': 1,
    duplicate_batches: 1,
    'cas_retries lost': 1,
    late_trades: 2,
    revised_candles: 2,
    incomplete_windows: 1,
  });
});

test('aggregate() gives the event back, when every race is lost', async () => {
  // Reads work, and no write ever takes effect: read, write, read, write, …
  const rig = createRig(Array.from({ length: 40 }, (_, n): Fault => (n % 2 === 0 ? 'none' : 'unknown_lost')));
  await expect(rig.create()(batchEvent(1, [trade('a', 100, 10)], -800))).rejects.toThrow(RetryableError);
});

test('aggregate() refuses for ever, when a batch is malformed or older than the retention', async () => {
  const aggregate = createRig().create();
  const good = batchEvent(1, [trade('a', 100, 10)], -800);
  await expect(aggregate({ ...good, data: { symbols: 1 } })).rejects.toThrow(PoisonError);
  await expect(aggregate({ ...good, attributes: {} })).rejects.toThrow(/shard/);
  const old = { ...good, attributes: { ...good.attributes, ingesttime: String(W0 - 86_400_000) } };
  await expect(aggregate(old)).rejects.toThrow(/expired/);
});

test.each([EVENT_TYPES.books, EVENT_TYPES.news])(
  'aggregate() takes no notice of %s, which share its topic',
  async (type) => {
    const rig = createRig();
    await rig.create()({ ...batchEvent(1, [], 0), type, data: { anything: 1 } });
    expect([rig.published, rig.database.counts]).toEqual([[], { reads: 0, writes: 0 }]);
  },
);
