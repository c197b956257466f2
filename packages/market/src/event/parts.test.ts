import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { partsOf } from './parts.ts';

test('partsOf() gives the list back in full parts and a rest, whatever its length', () => {
  fc.assert(
    fc.property(fc.array(fc.nat()), fc.integer({ min: 1, max: 12 }), (items, size) => {
      const parts = partsOf(items, size);
      expect(parts.flat()).toEqual(items);
      for (const part of parts.slice(0, -1)) expect(part).toHaveLength(size);
      expect(parts.at(-1)?.length ?? 1).toBeGreaterThanOrEqual(1);
      expect(parts.at(-1)?.length ?? 1).toBeLessThanOrEqual(size);
    }),
  );
});

test.each([0, -1, Number.NaN])('partsOf() refuses parts of %d', (size) => {
  expect(() => partsOf([1], size)).toThrow(RangeError);
});
