import { naiveFnv1a64 } from '@kandle/testkit/naive-candle';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { fnv1a64, hashToBigInt, hashToText } from './hash.ts';

// Published vectors: "The FNV Non-Cryptographic Hash Algorithm", section "Test vectors", FNV-1a 64 bits.
test.each([
  ['', 'cbf29ce484222325'],
  ['a', 'af63dc4c8601ec8c'],
  ['b', 'af63df4c8601f1a5'],
  ['c', 'af63de4c8601eff2'],
  ['foobar', '85944171f73967e8'],
  ['chongo was here!\n', '46810940eff5f915'],
])('fnv1a64() gives the published value, when the text is %j', (text, hex) => {
  expect(hashToBigInt(fnv1a64(text)).toString(16)).toBe(hex);
});

test('fnv1a64() agrees with the plain definition over UTF-16 code units, when the text is any', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.nat(0xffff).map((unit) => String.fromCharCode(unit)) }), (text) => {
      expect(hashToBigInt(fnv1a64(text))).toBe(naiveFnv1a64(text));
    }),
  );
});

test('hashToText() is 14 characters and gives the hash back, when read in base 36', () => {
  const half = fc.oneof(fc.nat(40), fc.integer({ min: 0, max: 0xffff_ffff }), fc.constant(0xffff_ffff));
  fc.assert(
    fc.property(half, half, (high, low) => {
      const text = hashToText({ high, low });
      expect(text).toMatch(/^[0-9a-z]{14}$/);
      expect([text.slice(0, 7), text.slice(7)].map((part) => Number.parseInt(part, 36))).toEqual([high, low]);
    }),
  );
});
