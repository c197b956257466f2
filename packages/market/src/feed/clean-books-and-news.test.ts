import type { RawBatch } from './raw-batch.ts';
import { expect, test } from 'vitest';
import { cleanBooks, cleanNews } from './clean-books-and-news.ts';

const NOW = 1_764_000_000_000;
const BOOK = { s: 'AAPL', t: NOW, b: [[1, 2]], a: [[3, 4]] };
const NEWS = { id: 5, datetime: NOW / 1_000, headline: 'x', related: 'AAPL,MSFT', source: 'y' };

function raw(records: readonly Readonly<Record<string, unknown>>[]): RawBatch {
  return {
    shard: 'sim-03',
    epoch: 7,
    sequence: 9,
    watermarkMs: 0,
    ingestTimeMs: NOW,
    records: records.map((record) => ({ id: 'x', record })),
  };
}

test('cleanBooks() passes good books on under the same number, and names the others', () => {
  const { batch, rejects } = cleanBooks(raw([BOOK, { ...BOOK, a: [] }, { ...BOOK, t: NOW + 900_001 }, BOOK]));
  expect(batch).toMatchObject({ shard: 'sim-03', epoch: 7, sequence: 9, ingestTimeMs: NOW });
  expect(batch.books.map(({ symbol }) => symbol)).toEqual(['AAPL', 'AAPL']);
  expect(rejects.map(({ id, reason }) => [id, reason])).toEqual([
    ['7:sim-03:books:9:1', 'bad_book'],
    ['7:sim-03:books:9:2', 'too_far_ahead'],
  ]);
});

test('cleanNews() makes an item for each symbol of a piece', () => {
  const { batch, rejects } = cleanNews(raw([NEWS, { ...NEWS, headline: '' }]));
  const { news } = batch;
  expect(news.map(({ id, symbol }) => [id, symbol])).toEqual([
    ['5', 'AAPL'],
    ['5', 'MSFT'],
  ]);
  expect(rejects.map(({ reason }) => reason)).toEqual(['bad_news']);
});
