import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatPageToken, parsePageToken } from './page-token.ts';

test('parsePageToken() gives back what formatPageToken() was given', () => {
  fc.assert(
    fc.property(fc.nat({ max: 9e14 }), fc.string({ unit: 'grapheme', maxLength: 60 }), (timeMs, key) => {
      const wellFormed = key.toWellFormed();
      expect(parsePageToken(formatPageToken({ timeMs, key: wellFormed }))).toEqual({
        timeMs,
        key: wellFormed,
      });
    }),
  );
});

test('parsePageToken() is null for whatever is no token, and never throws', () => {
  for (const text of ['', '%', 'bm9uZQ', 'a'.repeat(401)]) expect(parsePageToken(text)).toBeNull();
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void parsePageToken(text)));
});
