import { afterAll, beforeAll, expect, test } from 'vitest';
import { createStored } from '../src/read/stored.ts';
import { type SmallPipeline, startSmallPipeline } from './small-pipeline.ts';

const HOUR_MS = 1_764_000_000_000;
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
    'INSERT INTO trades (feed, symbol, hour, time, id, price, size) VALUES (?, ?, ?, ?, ?, 1, 1)';
  for (let from = 0; from < ROWS; from += 500) {
    const statements = Array.from({ length: Math.min(500, ROWS - from) }, (_, n) => ({
      query: insert,
      params: ['test', 'AAPL', new Date(HOUR_MS), new Date(HOUR_MS + from + n), 'id'],
    }));
    await client.batch(statements, { prepare: true, logged: false });
  }
  const range = { feed: 'test', symbol: 'AAPL', fromMs: HOUR_MS, toMs: HOUR_MS + 300_000 };
  expect(await createStored(client).trades(range)).toHaveLength(ROWS);
  expect(await createStored(client).tradeTimes(range)).toHaveLength(ROWS);
});
