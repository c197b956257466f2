import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parsePromotions, piecesOf, placesOf, type Promotion, withPromotion } from './promotions.ts';

const MINUTE_MS = 60_000;
const at = fc.integer({ min: 0, max: 40 }).map((n) => n * 20_000);
const promotions: fc.Arbitrary<Promotion[]> = fc.array(
  fc.record({ keyspace: fc.constantFrom('a', 'b', 'c'), fromMs: at, toMs: at }),
  { maxLength: 4 },
);

test('piecesOf() reads each candle where the last promotion that holds all of it is, and covers the range once', () => {
  fc.assert(
    fc.property(promotions, fc.tuple(at, at), (all, [one, other]) => {
      const range = { fromMs: Math.min(one, other), toMs: Math.max(one, other) };
      const pieces = piecesOf('candles_1m', range, all);
      if (range.fromMs < range.toMs) {
        expect(pieces[0]?.fromMs).toBe(range.fromMs);
        expect(pieces.at(-1)?.toMs).toBe(range.toMs);
      }
      for (const [index, piece] of pieces.slice(1).entries()) {
        expect(piece.fromMs).toBe(pieces[index]?.toMs);
        expect(piece.keyspace).not.toBe(pieces[index]?.keyspace);
      }
      for (let start = 0; start < 40 * 20_000; start += MINUTE_MS) {
        if (start < range.fromMs || start >= range.toMs) continue;
        const naive = all.findLast(({ fromMs, toMs }) => fromMs <= start && start + MINUTE_MS <= toMs);
        const piece = pieces.find(({ fromMs, toMs }) => fromMs <= start && start < toMs);
        expect(piece?.keyspace).toBe(naive?.keyspace ?? null);
      }
    }),
  );
});

test('piecesOf() leaves views alone that no shadow has', () => {
  const range = { fromMs: 0, toMs: 600_000 };
  expect(piecesOf('indicators', range, [{ keyspace: 'a', ...range }])).toEqual([
    { keyspace: null, ...range },
  ]);
});

test('placesOf() has every row of a view once or not at all, where piecesOf() reads it', () => {
  fc.assert(
    fc.property(promotions, at, (all, startMs) => {
      const places = placesOf(all);
      for (const [view, periodMs] of [
        ['candles_1m', MINUTE_MS],
        ['trades', 1],
      ] as const) {
        const start = startMs - (startMs % periodMs);
        const found = places.filter(
          (one) => one.view === view && one.fromMs <= start && start + periodMs <= one.toMs,
        );
        const [piece] = piecesOf(view, { fromMs: start, toMs: start + periodMs }, all);
        expect(found.map(({ keyspace }) => keyspace)).toEqual(
          piece?.keyspace === null ? [] : [piece?.keyspace],
        );
      }
    }),
  );
});

test('withPromotion() leaves out what the new one covers; parsePromotions() reads what JSON wrote, and nothing odd', () => {
  const inner = { keyspace: 'a', fromMs: 10, toMs: 20 };
  const wide = { keyspace: 'b', fromMs: 5, toMs: 20 };
  expect(withPromotion([inner], wide)).toEqual([wide]);
  expect(withPromotion([wide], inner)).toEqual([wide, inner]);
  expect(parsePromotions(JSON.stringify([wide]))).toEqual([wide]);
  expect(parsePromotions(null)).toEqual([]);
  const many = Array.from({ length: 100 }, (_, n) => ({ keyspace: 'a', fromMs: 10 * n, toMs: 10 * n + 5 }));
  const written = many.reduce<readonly Promotion[]>(withPromotion, []);
  expect(parsePromotions(JSON.stringify(written))).toEqual(many);
  // Readers would refuse what is longer.
  expect(() => withPromotion(written, { keyspace: 'a', fromMs: 2_000, toMs: 2_005 })).toThrow(RangeError);
  expect(() => parsePromotions('[{"keyspace":"a; DROP","fromMs":1,"toMs":2}]')).toThrow('keyspace');
});
