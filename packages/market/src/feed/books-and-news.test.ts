import { e8 } from '../number/fixed-point.ts';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { z } from 'zod';
import type { Book, BookLevel } from '../book/book.ts';
import { type BookBatch, formatBookBatch, parseBookBatch } from '../book/book-batch.ts';
import { formatNewsBatch, type NewsBatch, parseNewsBatch } from '../news/news-batch.ts';
import { formatRawBooksOrNews } from './books-and-news.ts';
import type { NewsItem } from '../news/news.ts';
import { parseRawBatch } from './raw-batch.ts';

const HEADER = {
  shard: 'finnhub-03',
  epoch: 1_764_000_000_000,
  sequence: 4,
  watermarkMs: 1_764_000_001_000,
  ingestTimeMs: 1_764_000_002_000,
  traceparent: '00-a-b-01',
};

const symbols = fc.constantFrom('AAPL', 'IC MARKETS:1', '^GSPC');
const amounts = fc
  .oneof(fc.bigInt({ min: 1n, max: 100n }), fc.bigInt({ min: 2n ** 53n - 2n, max: 2n ** 70n }))
  .map(e8);
const asks: fc.Arbitrary<BookLevel[]> = fc
  .uniqueArray(fc.record({ priceE8: amounts, sizeE8: amounts }), {
    minLength: 1,
    maxLength: 10,
    selector: ({ priceE8 }) => priceE8,
  })
  .map((levels) => levels.toSorted((a, b) => (a.priceE8 < b.priceE8 ? -1 : 1)));
const books: fc.Arbitrary<Book> = fc.record({
  id: fc.stringMatching(/^[a-z\d]{1,16}$/),
  symbol: symbols,
  eventTimeMs: fc.nat(),
  bids: asks.map((levels) => levels.toReversed()),
  asks,
});
const news: fc.Arbitrary<NewsItem> = fc.record({
  id: fc.stringMatching(/^\d{1,16}$/),
  symbol: symbols,
  eventTimeMs: fc.nat(),
  headline: fc.string({ minLength: 1, maxLength: 50, unit: 'grapheme' }),
  summary: fc.string({ maxLength: 50 }),
  source: fc.string({ maxLength: 50 }),
  category: fc.string({ maxLength: 50 }),
  url: fc.webUrl(),
  sentiment: fc.option(fc.double({ min: -1, max: 1, noNaN: true }).map((value) => value + 0)),
});

const json = (data: unknown): unknown => JSON.parse(JSON.stringify(data));

test('parseBookBatch() gives the batch back, when it went through an event and JSON', () => {
  fc.assert(
    fc.property(fc.array(books, { maxLength: 4 }), (some) => {
      const batch: BookBatch = { ...HEADER, books: some };
      const event = formatBookBatch(batch);
      expect(event).toMatchObject({
        id: '1764000000000:finnhub-03:books:4',
        type: 'io.kandle.books.v1',
        key: 'finnhub-03',
        source: '/feeds/finnhub',
      });
      expect(parseBookBatch(event.extensions, json(event.data))).toEqual(batch);
    }),
  );
});

test('parseNewsBatch() gives the batch back, when it went through an event and JSON', () => {
  fc.assert(
    fc.property(fc.array(news, { maxLength: 4 }), (some) => {
      const batch: NewsBatch = { ...HEADER, news: some };
      const event = formatNewsBatch(batch);
      expect(event).toMatchObject({ id: '1764000000000:finnhub-03:news:4', type: 'io.kandle.news.v1' });
      expect(parseNewsBatch(event.extensions, json(event.data))).toEqual(batch);
    }),
  );
});

test('formatRawBooksOrNews() makes an event that parseRawBatch() reads, of a type of its own', () => {
  const batch = { ...HEADER, records: [{ id: '7', record: { s: 'AAPL', deep: { x: [1, null] } } }] };
  const [asBooks, asNews] = [formatRawBooksOrNews('books', batch), formatRawBooksOrNews('news', batch)];
  expect([asBooks.type, asNews.type]).toEqual(['io.kandle.books.raw.v1', 'io.kandle.news.raw.v1']);
  expect(asBooks.id).not.toBe(asNews.id);
  expect(parseRawBatch(asNews.extensions, json(asNews.data))).toEqual(batch);
});

const LEVEL = [100, 5];
const BOOK = { id: 'a', symbol: 'AAPL', eventTimeMs: 1, bids: [LEVEL], asks: [[101, 5]] };
const ITEM = {
  id: '1',
  symbol: 'AAPL',
  eventTimeMs: 1,
  headline: 'x',
  summary: '',
  source: '',
  category: '',
  url: '',
  sentiment: null,
};
const { extensions } = formatBookBatch({ ...HEADER, books: [] });

test.each<[string, unknown]>([
  ['no symbol', { ...BOOK, symbol: ' AAPL' }],
  ['no bid', { ...BOOK, bids: [] }],
  ['eleven levels', { ...BOOK, asks: Array.from({ length: 11 }, (_, n) => [101 + n, 5]) }],
  ['a size of 0', { ...BOOK, bids: [[100, 0]] }],
  ['bids that rise', { ...BOOK, bids: [[99, 5], LEVEL] }],
  [
    'asks that fall',
    {
      ...BOOK,
      asks: [
        [102, 5],
        [101, 5],
      ],
    },
  ],
  ['half an integer', { ...BOOK, asks: [[101.5, 5]] }],
])('parseBookBatch() refuses, when a book has %s', (_, book) => {
  expect(() => parseBookBatch(extensions, { books: [book] })).toThrow();
  expect(parseBookBatch(extensions, { books: [BOOK] }).books).toHaveLength(1);
});

test.each<[string, unknown]>([
  ['no symbol', { ...ITEM, symbol: '' }],
  ['no headline', { ...ITEM, headline: '' }],
  ['a summary too long', { ...ITEM, summary: 'x'.repeat(2_001) }],
  ['a sentiment of 2', { ...ITEM, sentiment: 2 }],
  ['a sentiment left out', { ...ITEM, sentiment: undefined }],
])('parseNewsBatch() refuses, when an item has %s', (_, item) => {
  expect(() => parseNewsBatch(extensions, { news: [item] })).toThrow(z.ZodError);
  expect(parseNewsBatch(extensions, { news: [ITEM] }).news).toHaveLength(1);
});
