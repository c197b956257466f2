import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Applied, addApplied, formatApplied, hasApplied, parseApplied } from './applied.ts';

/** Positions within few epochs and sequences, so that neighbours, gaps and repeats are common. */
const positions = fc.array(
  fc.record({ epoch: fc.constantFrom(1, 2, 1_764_000_000_000), sequence: fc.integer({ min: 0, max: 12 }) }),
  { maxLength: 40 },
);

function appliedOf(of: readonly { readonly epoch: number; readonly sequence: number }[]): Applied {
  return of.reduce<Applied>((set, { epoch, sequence }) => addApplied(set, epoch, sequence), new Map());
}

test('hasApplied() agrees with a Set, when batches were added in any order', () => {
  fc.assert(
    fc.property(positions, (added) => {
      const applied = appliedOf(added);
      const model = new Set(added.map(({ epoch, sequence }) => `${epoch}:${sequence}`));
      for (const epoch of [1, 2, 3, 1_764_000_000_000]) {
        for (let sequence = 0; sequence <= 13; sequence++) {
          expect(hasApplied(applied, epoch, sequence)).toBe(model.has(`${epoch}:${sequence}`));
        }
      }
    }),
  );
});

test('addApplied() keeps the ranges ascending and never touching, when batches come in any order', () => {
  fc.assert(
    fc.property(positions, (added) => {
      for (const ranges of appliedOf(added).values()) {
        expect(ranges.length).toBeGreaterThan(0);
        for (const [index, [first, last]] of ranges.entries()) {
          expect(last).toBeGreaterThanOrEqual(first);
          expect(first).toBeGreaterThan((ranges[index - 1]?.[1] ?? -2) + 1);
        }
      }
    }),
  );
});

test('addApplied() gives the same text, when the same batches come in another order', () => {
  const shuffled = positions.chain((added) =>
    fc.tuple(fc.constant(added), fc.shuffledSubarray(added, { minLength: added.length })),
  );
  fc.assert(
    fc.property(shuffled, ([added, other]) => {
      expect(formatApplied(appliedOf(other))).toBe(formatApplied(appliedOf(added)));
    }),
  );
});

test('addApplied() returns the set itself and changes no other, when it holds the batch', () => {
  const before = appliedOf([{ epoch: 1, sequence: 3 }]);
  expect(addApplied(before, 1, 3)).toBe(before);
  addApplied(before, 1, 4);
  expect(formatApplied(before)).toBe('1:3');
});

test('formatApplied() gives the text of its documentation, when ranges have gaps', () => {
  const sequences = [206, ...Array.from({ length: 204 }, (_, index) => index + 1)];
  const applied = appliedOf([
    { epoch: 1_764_000_100_000, sequence: 1 },
    ...sequences.map((sequence) => ({ epoch: 1_764_000_000_000, sequence })),
  ]);
  expect(formatApplied(applied)).toBe('1764000000000:1-204,206;1764000100000:1');
  expect(formatApplied(new Map())).toBe('');
});

test('parseApplied() is the inverse of formatApplied(), when the set is any', () => {
  fc.assert(
    fc.property(positions, (added) => {
      const text = formatApplied(appliedOf(added));
      expect(formatApplied(parseApplied(text))).toBe(text);
      for (const { epoch, sequence } of added) {
        expect(hasApplied(parseApplied(text), epoch, sequence)).toBe(true);
      }
    }),
  );
});

test.each([
  ['is not ranges', 'x'],
  ['has no sequence', '1:'],
  ['ends in a separator', '1:1;'],
  ['has a sign', '1:-1'],
  ['has a blank', '1:1 '],
  ['has a line break at the end', '1:1\n'],
  ['has a range that runs backwards', '1:5-2'],
  ['has a range of one', '1:5-5'],
  ['has ranges out of order', '1:5,3'],
  ['has ranges that overlap', '1:1-4,3-6'],
  ['has ranges that touch', '1:1-2,3'],
  ['has an epoch twice', '1:1;1:2'],
  ['has epochs out of order', '2:1;1:1'],
  ['has a leading zero', '1:01'],
  ['has a number beyond safe integers', '1:9007199254740993'],
])('parseApplied() refuses, when the text %s', (_, text) => {
  expect(() => parseApplied(text)).toThrow(RangeError);
});
