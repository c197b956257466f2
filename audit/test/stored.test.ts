import { afterAll, beforeAll, expect, test } from 'vitest';
import { createStored } from '../src/read/stored.ts';
import { type SmallPipeline, startSmallPipeline } from './small-pipeline.ts';

const BUCKET_MS = 1_764_000_000_000;
/** More than the driver reads at once. */
const ROWS = 6_001;
let pipeline: SmallPipeline;

beforeAll(async () => {
  pipeline = await startSmallPipeline();
});

afterAll(() => pipeline.close());

test('createStored() reads every row, when there are more than the driver answers at once', async () => {
  const { client } = pipeline;
  const insert =
    'INSERT INTO trades (feed, shard, bucket, symbol, time, id, price, size) VALUES (?, ?, ?, ?, ?, ?, 1, 1)';
  for (let from = 0; from < ROWS; from += 500) {
    const statements = Array.from({ length: Math.min(500, ROWS - from) }, (_, n) => ({
      query: insert,
      params: ['test', 'test-00', new Date(BUCKET_MS), 'AAPL', new Date(BUCKET_MS + from + n), 'id'],
    }));
    await client.batch(statements, { prepare: true, logged: false });
  }
  const shard = { feed: 'test', shard: 'test-00' };
  const range = { ...shard, fromMs: BUCKET_MS, toMs: BUCKET_MS + 300_000 };
  expect(await createStored(client).trades(range)).toHaveLength(ROWS);
  expect(await createStored(client).tradeTimes({ ...shard, startMs: BUCKET_MS })).toHaveLength(ROWS);
});
