import { createCassandra } from '@kandle/runtime/cassandra';
import { useTestKeyspace } from '@kandle/testkit/test-keyspace';
import { bucketOf } from '@kandle/market/view/buckets';
import { expect, test } from 'vitest';
import { createNewsSentiments } from '../src/news-sentiment.ts';
import { parseRules } from '@kandle/market/signal/rules';

const { client, settings } = useTestKeyspace('sentiments');
const MIDNIGHT = Date.UTC(2026, 0, 2);
const RULES = parseRules({ rules: [{ name: 'news', kind: 'news-sentiment', symbols: ['A', 'B', 'C'] }] }, 12);
const key = { shard: 'finnhub-03', windowStartMs: MIDNIGHT };

async function report(symbol: string, timeMs: number, sentiment: number, rated = true): Promise<void> {
  await client.execute(
    'INSERT INTO news_ratings (feed, bucket, time, symbol, id, sentiment, rated) VALUES (?, ?, ?, ?, ?, ?, ?)',
    [
      'finnhub',
      new Date(bucketOf('news_ratings', timeMs)),
      new Date(timeMs),
      symbol,
      `${timeMs}`,
      sentiment,
      rated,
    ],
    { prepare: true },
  );
}

test('read() gives the mean of the rated news of the hour before the window’s end, over midnight', async () => {
  await Promise.all([
    report('A', MIDNIGHT + 5_000, 0.5),
    report('A', MIDNIGHT - 3_000_000, -0.25),
    report('A', MIDNIGHT + 5_001, 1),
    report('A', MIDNIGHT - 3_595_000, 1),
    report('A', MIDNIGHT - 1_000, 0, false),
    report('B', MIDNIGHT, 0, false),
    report('D', MIDNIGHT, 1),
  ]);
  const news = createNewsSentiments(client, () => 0);
  const found = await news.read(key, ['A', 'B', 'C', 'D'], RULES);
  expect(found).toEqual(new Map([['A', { mean: 0.125, news: 2 }]]));
});

test('read() asks again after 15 seconds, by the clock or by the windows', async () => {
  let nowMs = 0;
  const news = createNewsSentiments(client, () => nowMs);
  const readC = async (windowStartMs = MIDNIGHT): Promise<number | undefined> =>
    (await news.read({ ...key, windowStartMs }, ['C'], RULES)).get('C')?.mean;
  expect(await readC()).toBeUndefined();
  await report('C', MIDNIGHT, 0.75);
  expect(await readC(MIDNIGHT + 10_000)).toBeUndefined();
  expect(await readC(MIDNIGHT + 15_000)).toBe(0.75);
  await report('C', MIDNIGHT + 1, 0.25);
  expect(await readC(MIDNIGHT + 15_000)).toBe(0.75);
  nowMs = 15_000;
  expect(await readC(MIDNIGHT + 15_000)).toBe(0.5);
});

test('read() asks for nothing, when no rule is about news', async () => {
  const away = createNewsSentiments(createCassandra({ ...settings, CASSANDRA_PORT: 1 }), () => 0);
  expect(await away.read(key, ['A'], [])).toEqual(new Map());
});
