import { formatRawBatch } from '@kandle/market/feed/raw-batch';
import { expect, test } from 'vitest';
import { readLogIndex } from './log-index.ts';
import type { TopicEvent } from './raw-batch.ts';
import type { TopicReader } from './topic-reader.ts';

const NOW = 1_764_000_000_000;

interface Placed {
  readonly partition: number;
  readonly epoch: number;
  readonly sequence: number;
  readonly watermarkMs?: number;
}

/** Events of one shard, in the order in which they stand in their partitions. */
async function placeOf(placed: readonly Placed[], from = 0) {
  const events = placed.map(({ partition, epoch, sequence, watermarkMs = NOW }, offset): TopicEvent => {
    const batch = { shard: 'test-00', epoch, sequence, watermarkMs, ingestTimeMs: NOW, records: [] };
    const { type, id, extensions, data } = formatRawBatch(batch);
    return {
      partition,
      offset,
      attributes: { type, id, ...extensions },
      value: Buffer.from(JSON.stringify(data)),
    };
  });
  const reader: TopicReader = {
    async read({ partition }, take) {
      for (const event of events) if (event.partition === partition) await take(event);
    },
    close: () => Promise.resolve(),
  };
  const index = await readLogIndex(
    reader,
    [0, 1].map((partition) => ({ partition, from, to: events.length + from })),
  );
  const strays = [...index.strays].map(([home, list]) => [home, list.map(({ offset }) => offset)]);
  return { place: index.places.get('test-00'), strays };
}

test('readLogIndex() finds a shard where most of it is, and what strayed, in order', async () => {
  const { place, strays } = await placeOf([
    { partition: 1, epoch: 1, sequence: 1 },
    { partition: 0, epoch: 1, sequence: 3 },
    { partition: 0, epoch: 1, sequence: 2 },
    { partition: 1, epoch: 1, sequence: 4 },
    { partition: 1, epoch: 1, sequence: 5 },
  ]);
  expect(place).toMatchObject({ home: 1, partitions: [0, 1], first: { sequence: 1 }, isCut: false });
  expect(strays).toEqual([[1, [2, 1]]]);
});

test('readLogIndex() learns nothing of a log from redriven batches of watermark 0, wherever they stand', async () => {
  const redriven = { partition: 0, epoch: 9, sequence: 1, watermarkMs: 0 };
  const first = { partition: 0, epoch: 1, sequence: 4 };
  const both = await placeOf([redriven, first, { ...redriven, sequence: 2 }], 1);
  expect(both.place?.first).toMatchObject({ epoch: 1, sequence: 4 });
  expect((await placeOf([redriven])).place?.first).toBeNull();
});

test('readLogIndex() does not take a redriven batch that outlived its neighbours for the beginning of a cut log', async () => {
  const outlived = [
    { partition: 0, epoch: 1, sequence: 2 },
    { partition: 0, epoch: 1, sequence: 8 },
    { partition: 0, epoch: 1, sequence: 9 },
  ];
  expect((await placeOf(outlived, 5)).place).toMatchObject({ first: { sequence: 8 }, isCut: true });
  expect((await placeOf(outlived)).place).toMatchObject({ first: { sequence: 2 }, isCut: false });
});
