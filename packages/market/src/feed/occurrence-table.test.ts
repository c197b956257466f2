import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { fnv1a64 } from '../number/hash.ts';
import { createOccurrenceTable } from './occurrence-table.ts';

/** Hashes that meet in few slots and differ in one half only, and some at the edges. */
const hashes = fc.record({
  high: fc.constantFrom(0, 1, 0xffff_ffff),
  low: fc.oneof(fc.constantFrom(0, 64, 128, 0xffff_ffff), fc.integer({ min: 0, max: 40 })),
});
const steps = fc.array(
  fc.record({
    hash: hashes,
    // Multiples of 64 begin at the same slot of a table that has not grown.
    place: fc.constantFrom(0, 64, 59_968, 1),
    /** 0 stands for what is known from an earlier life. */
    connection: fc.integer({ min: 0, max: 3 }),
    occurrences: fc.integer({ min: 1, max: 4 }),
  }),
  // Long ones, so that the table grows.
  { maxLength: 400, size: 'max' },
);

test('createOccurrenceTable() agrees with a map of texts, however full and whatever collides', () => {
  fc.assert(
    fc.property(steps, (all) => {
      const table = createOccurrenceTable();
      const map = new Map<string, { known: number; here: number; connection: number }>();
      for (const { hash, place, connection, occurrences } of all) {
        const name = `${hash.high} ${hash.low} ${place}`;
        const entry = map.get(name) ?? { known: 0, here: 0, connection: 0 };
        map.set(name, entry);
        if (connection === 0) {
          table.know(hash, place, occurrences);
          entry.known = Math.max(entry.known, occurrences);
          continue;
        }
        entry.here = entry.connection === connection ? entry.here + 1 : 1;
        entry.connection = connection;
        const expected = entry.here <= entry.known ? null : entry.here;
        entry.known = Math.max(entry.known, entry.here);
        expect(table.see(hash, place, connection)).toBe(expected);
      }
      expect(table.size()).toBe(map.size);
    }),
    { numRuns: 60 },
  );
});

test('createOccurrenceTable() keeps everything, when it grows many times', () => {
  const table = createOccurrenceTable();
  const hashOf = (n: number) => fnv1a64(String(n));
  const all = Array.from({ length: 100_000 }, (_, n) => n);
  expect(all.filter((n) => table.see(hashOf(n), n % 60_000, 1) !== 1)).toEqual([]);
  expect(all.filter((n) => table.see(hashOf(n), n % 60_000, 2) !== null)).toEqual([]);
  expect(table.size()).toBe(100_000);
});
