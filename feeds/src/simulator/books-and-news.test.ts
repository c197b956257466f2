import { judgeBookRecord } from '@kandle/market/feed/finnhub/book';
import { judgeNewsRecord } from '@kandle/market/feed/finnhub/news';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createBooksAndNews } from './books-and-news.ts';
import { createMarket, STEP_MS } from './market.ts';
import { createRandom } from '@kandle/tooling/random';

const START_MS = Date.UTC(2026, 10, 25, 9);

/** Everything shown in so many seconds of a market. */
function show(seed: number, seconds: number, isWanted: (symbol: string) => boolean = () => true) {
  const market = createMarket({ seed, rate: 100, symbols: 20, startMs: START_MS });
  const shown = createBooksAndNews(createRandom(seed + 1), START_MS);
  const frames: unknown[] = [];
  const books: Readonly<Record<string, unknown>>[] = [];
  const news: Readonly<Record<string, unknown>>[] = [];
  for (let steps = 0; steps < (seconds * 1_000) / STEP_MS; steps++) {
    for (const trades of market.step()) for (const trade of trades) shown.note(trade);
    for (const frame of [shown.news(market.nowMs(), isWanted), shown.books(market.nowMs(), isWanted)]) {
      if (frame === null) continue;
      frames.push(frame);
      (frame.type === 'book' ? books : news).push(...frame.data);
    }
  }
  return { frames, books, news };
}

test('createBooksAndNews() makes books and news that transform takes, when the seed is any', () => {
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      const { books, news } = show(seed, 30);
      expect(books.length).toBeGreaterThan(50);
      for (const book of books) expect(judgeBookRecord(book)).toMatchObject({ kind: 'items' });
      for (const item of news) expect(judgeNewsRecord(item)).toMatchObject({ kind: 'items' });
    }),
    { numRuns: 20 },
  );
});

test('createBooksAndNews() shows each symbol at most once a second, and news some three times a minute', () => {
  const { frames, books, news } = show(1, 300);
  expect(frames.length - news.length).toBeLessThanOrEqual(301);
  expect(books.length).toBeLessThanOrEqual(301 * 20);
  expect(news.length).toBeGreaterThan(5);
  expect(news.length).toBeLessThan(40);
  expect(new Set(news.map(({ id }) => id)).size).toBe(news.length);
});

test('createBooksAndNews() shows the same, when the seed is the same, and only what is wanted', () => {
  expect(show(7, 20).frames).toEqual(show(7, 20).frames);
  expect(show(7, 60, () => false).frames).toEqual([]);
  const { books } = show(7, 20, (symbol) => symbol === 'SIM:ACME');
  expect(new Set(books.map(({ s }) => s))).toEqual(new Set(['SIM:ACME']));
});
