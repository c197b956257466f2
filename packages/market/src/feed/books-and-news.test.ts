import { expect, test } from 'vitest';
import { formatRawBooksOrNews } from './books-and-news.ts';
import { parseRawBatch } from './raw-batch.ts';

const HEADER = {
  shard: 'finnhub-03',
  epoch: 1_764_000_000_000,
  sequence: 4,
  watermarkMs: 1_764_000_001_000,
  ingestTimeMs: 1_764_000_002_000,
  traceparent: '00-a-b-01',
};

const json = (data: unknown): unknown => JSON.parse(JSON.stringify(data));

test('formatRawBooksOrNews() makes an event that parseRawBatch() reads, of a type of its own', () => {
  const batch = { ...HEADER, records: [{ id: '7', record: { s: 'AAPL', deep: { x: [1, null] } } }] };
  const [asBooks, asNews] = [formatRawBooksOrNews('books', batch), formatRawBooksOrNews('news', batch)];
  expect([asBooks.type, asNews.type]).toEqual(['io.kandle.books.raw.v1', 'io.kandle.news.raw.v1']);
  expect(asBooks.id).not.toBe(asNews.id);
  expect(parseRawBatch(asNews.extensions, json(asNews.data))).toEqual(batch);
});
