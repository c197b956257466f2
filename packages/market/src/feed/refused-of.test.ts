import { expect, test } from 'vitest';
import { refusedOf } from './refused-of.ts';

const STRETCH = { symbol: 'AAPL', fromMs: 1_000, toMs: 6_000 };
const reject = (id: string, record: unknown) => ({ id, reason: 'bad_size', detail: 'a size is 0', record });
const textOf = (...rejects: readonly unknown[]): string => JSON.stringify({ rejects });

test('refusedOf() finds the records of a symbol and a time, its end not included', () => {
  const text = textOf(
    reject('a', { s: 'AAPL', p: 1, t: 1_000, v: 0 }),
    reject('b', { s: 'AAPL', p: 1, t: 6_000, v: 0 }),
    reject('c', { s: 'MSFT', p: 1, t: 2_000, v: 0 }),
    reject('d', { s: 'AAPL', p: 1, t: 5_999, v: 0 }),
  );
  expect(refusedOf(text, STRETCH)).toEqual([
    reject('a', { s: 'AAPL', p: 1, t: 1_000, v: 0 }),
    reject('d', { s: 'AAPL', p: 1, t: 5_999, v: 0 }),
  ]);
});

test('refusedOf() leaves out what names no symbol or no time, and what cannot be read', () => {
  expect(
    refusedOf(
      textOf(reject('a', '{"data":[{"s":"AAPL"'), reject('b', { s: 'AAPL' }), reject('c', null)),
      STRETCH,
    ),
  ).toEqual([]);
  for (const text of ['', '{', '[]', '{"rejects":[{}]}', '{"rejects":1}'])
    expect(refusedOf(text, STRETCH)).toEqual([]);
});
