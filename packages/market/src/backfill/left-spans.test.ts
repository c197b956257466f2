import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ALL_SYMBOLS, bySymbol, leftAfter, shortened } from './left-spans.ts';

const spans = fc.array(
  fc
    .tuple(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 0, max: 9 }))
    .map(([from, length]) => [from, from + length] as const),
  { maxLength: 5 },
);
const holds = (list: readonly (readonly [number, number])[], ms: number): boolean =>
  list.some(([from, to]) => from <= ms && ms <= to);

test('leftAfter() leaves each millisecond that is not covered, and no other', () => {
  fc.assert(
    fc.property(spans, spans, (left, covered) => {
      const rest = leftAfter(
        left.map(([fromMs, toMs]) => ({ symbol: 'A', fromMs, toMs })),
        (symbol) => (symbol === 'A' ? covered : []),
      ).map(({ fromMs, toMs }) => [fromMs, toMs] as const);
      for (let ms = 0; ms < 45; ms++) expect(holds(rest, ms)).toBe(holds(left, ms) && !holds(covered, ms));
    }),
  );
});

test('leftAfter() leaves a symbol that the source does not have', () => {
  const left = bySymbol([{ symbol: ALL_SYMBOLS, fromMs: 1, toMs: 9 }], ['B', 'A']);
  expect(leftAfter(left, (symbol) => (symbol === 'A' ? [[0, 20]] : []))).toEqual([
    { symbol: 'B', fromMs: 1, toMs: 9 },
  ]);
});

test('shortened() tells one stretch of every symbol, when there are too many', () => {
  const left = Array.from({ length: 101 }, (_, n) => ({ symbol: `S${n}`, fromMs: n, toMs: n + 1 }));
  expect(shortened(left)).toEqual([{ symbol: ALL_SYMBOLS, fromMs: 0, toMs: 101 }]);
  expect(shortened(left.slice(1))).toEqual(left.slice(1));
});
