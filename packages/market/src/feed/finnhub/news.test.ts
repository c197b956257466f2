import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { judgeNewsRecord, relatedSymbols } from './news.ts';
import { MAX_HEADLINE, MAX_NEWS_NAME, MAX_RELATED, MAX_SUMMARY } from '../../news/news.ts';

const GOOD = {
  category: 'company',
  datetime: 1_764_000_000,
  headline: ' Apple raises its outlook ',
  id: 7_112_233,
  image: 'https://img.example.com/x.png',
  related: 'AAPL',
  source: 'Reuters',
  summary: 'More of it.',
  url: 'https://news.example.com/a?b=c',
};

test('judgeNewsRecord() reads what Finnhub sends, with a time in seconds and without a sentiment', () => {
  expect(judgeNewsRecord(GOOD)).toEqual({
    kind: 'items',
    items: [
      {
        id: '7112233',
        symbol: 'AAPL',
        eventTimeMs: 1_764_000_000_000,
        headline: 'Apple raises its outlook',
        summary: 'More of it.',
        source: 'Reuters',
        category: 'company',
        url: 'https://news.example.com/a?b=c',
        sentiment: null,
      },
    ],
  });
});

test('judgeNewsRecord() makes one item per symbol, when several are related', () => {
  const judged = judgeNewsRecord({
    ...GOOD,
    related: 'AAPL, MSFT,,low\u0000er,AAPL,IC MARKETS:1',
    sentiment: -0.5,
  });
  expect(judged.kind === 'items' && judged.items.map(({ symbol, sentiment }) => [symbol, sentiment])).toEqual(
    [
      ['AAPL', -0.5],
      ['MSFT', -0.5],
      ['IC MARKETS:1', -0.5],
    ],
  );
});

test('relatedSymbols() keeps at most twenty', () => {
  const related = Array.from({ length: 50 }, (_, n) => `S${n}`).join(',');
  expect(relatedSymbols({ related })).toHaveLength(MAX_RELATED);
});

test('judgeNewsRecord() keeps texts within their bounds and well-formed, when they are any', () => {
  const long = (max: number) => fc.string({ unit: 'binary', maxLength: max + 50 });
  fc.assert(
    fc.property(long(MAX_HEADLINE), long(MAX_SUMMARY), long(MAX_NEWS_NAME), fc.string(), (...texts) => {
      const [headline, summary, source, url] = texts;
      const judged = judgeNewsRecord({ ...GOOD, headline: `x${headline}\uD83D`, summary, source, url });
      if (judged.kind !== 'items') throw new Error(judged.detail);
      for (const item of judged.items) {
        expect(item.headline.length).toBeLessThanOrEqual(MAX_HEADLINE);
        expect(item.summary.length).toBeLessThanOrEqual(MAX_SUMMARY);
        expect(item.source.length).toBeLessThanOrEqual(MAX_NEWS_NAME);
        for (const text of [item.headline, item.summary, item.source]) expect(text.isWellFormed()).toBe(true);
      }
    }),
  );
});

test.each([
  'javascript:alert(1)',
  'file:///etc/passwd',
  'nonsense',
  5,
  undefined,
  `https://a.b/${'x'.repeat(2_000)}`,
])('judgeNewsRecord() leaves the address out, when it is %s', (url) => {
  expect(judgeNewsRecord({ ...GOOD, url })).toMatchObject({ kind: 'items', items: [{ url: '' }] });
});

test.each<[string, Readonly<Record<string, unknown>>, string]>([
  ['is about nobody', { related: '' }, 'bad_symbol'],
  ['is about no symbol', { related: 7 }, 'bad_symbol'],
  ['has a time in milliseconds', { datetime: 1_764_000_000_000 }, 'bad_time'],
  ['has a time of text', { datetime: '1764000000' }, 'bad_time'],
  ['has half a second', { datetime: 1_764_000_000.000_1 }, 'bad_time'],
  ['has no id', { id: undefined }, 'bad_news'],
  ['has an id with a blank', { id: 'a b' }, 'bad_news'],
  ['has an id that is not whole', { id: 1.5 }, 'bad_news'],
  ['has no headline', { headline: ' ' }, 'bad_news'],
  ['has a headline that is no text', { headline: 5 }, 'bad_news'],
  ['has a sentiment beyond 1', { sentiment: 1.01 }, 'bad_news'],
  ['has a sentiment of text', { sentiment: 'good' }, 'bad_news'],
])('judgeNewsRecord() refuses with a reason, when it %s', (_, changes, reason) => {
  expect(judgeNewsRecord({ ...GOOD, ...changes })).toMatchObject({ kind: 'reject', reason });
});
