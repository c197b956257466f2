import { addApplied, type Applied, formatApplied } from '@kandle/market/window/applied';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { batchesOf, hasSequence, readSequences, writeSequences } from './sequences.ts';

const batches = fc.array(
  fc.record({ epoch: fc.integer({ min: 1, max: 3 }), sequence: fc.integer({ min: 1, max: 12 }) }),
);

test('writeSequences() writes what the code under audit writes, and readSequences() reads it back', () => {
  fc.assert(
    fc.property(batches, (some) => {
      const applied = some.reduce<Applied>(
        (set, { epoch, sequence }) => addApplied(set, epoch, sequence),
        new Map(),
      );
      const text = writeSequences(some);
      expect(text).toBe(formatApplied(applied));
      const read = readSequences(text);
      expect(writeSequences(batchesOf(read))).toBe(text);
      for (const batch of some) expect(hasSequence(read, batch)).toBe(true);
    }),
  );
});

test.each(['x', '1:', '1:5-2', '1:1-9999999', '1:1;;2:1', '1:-'])('readSequences() refuses %s', (text) => {
  expect(() => readSequences(text)).toThrow(RangeError);
});
