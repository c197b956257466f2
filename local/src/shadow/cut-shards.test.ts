import { EVENT_TYPES } from '@kandle/market/event/topics';
import { expect, test } from 'vitest';
import { createCutShards, type SeenEvent } from './cut-shards.ts';

const FROM_MS = 1_764_000_000_000;

const event = (type: string, shard: string, watermark: number | null, before = 0): SeenEvent => ({
  partition: 0,
  attributes: {
    type,
    shard,
    ...(watermark === null
      ? {}
      : {
          watermark: String(FROM_MS + watermark),
          watermarkbefore: before === 0 ? '0' : String(FROM_MS + before),
        }),
  },
});
const batch = (shard: string, watermark: number, before: number) =>
  event(EVENT_TYPES.rawTrades, shard, watermark, before);
const shardsAfter = (cutPartitions: readonly number[], ...seen: readonly SeenEvent[]) => {
  const cut = createCutShards(cutPartitions, FROM_MS);
  for (const one of seen) cut.see(one);
  return cut.shards();
};

const FAR_MS = 3_600_000;

test('a shard whose first batch in a cut partition comes after the beginning of the stretch is cut', () => {
  expect(shardsAfter([0], batch('f-00', FAR_MS, FAR_MS - 5_000))).toEqual(['f-00']);
  expect(shardsAfter([], batch('f-00', FAR_MS, FAR_MS - 5_000))).toEqual([]);
});

test('each shard of a partition is looked at, for one of them may begin long after another', () => {
  const early = batch('f-00', -FAR_MS, -FAR_MS - 5_000);
  expect(shardsAfter([0], early, batch('f-01', FAR_MS, FAR_MS - 5_000))).toEqual(['f-01']);
});

test('what tells no time is passed over: gaps, news, and batches that were brought afterwards', () => {
  const passed = [
    event(EVENT_TYPES.feedGap, 'f-00', null),
    event(EVENT_TYPES.rawNews, 'f-00', -FAR_MS),
    event(EVENT_TYPES.rawTrades, 'f-00', -FROM_MS),
  ];
  expect(shardsAfter([0], ...passed, batch('f-00', FAR_MS, FAR_MS - 5_000))).toEqual(['f-00']);
});

test('a shard that begins in the stretch, or was quiet until then, lacks nothing', () => {
  expect(shardsAfter([0], batch('f-00', FAR_MS, 0), batch('f-01', FAR_MS, -FAR_MS))).toEqual([]);
});
