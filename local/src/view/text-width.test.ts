import { stripVTControlCharacters } from 'node:util';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { cutText, textWidth, withoutControls } from './text-width.ts';

test.each([
  ['SIM:ACME', 8],
  ['', 0],
  ['東京', 4],
  ['ＡＢ', 4],
  ['서울', 4],
  ['é', 1],
  ['e\u0301', 1],
  ['📈', 2],
  ['👨‍👩‍👧', 2],
  ['▁▂█', 3],
  ['–…', 2],
  ['❤️', 2],
])('textWidth(%j) is %d', (text, width) => {
  expect(textWidth(text)).toBe(width);
});

test.each([
  ['ABCDEF', 6, 'ABCDEF'],
  ['ABCDEF', 5, 'ABCD…'],
  ['東京都', 6, '東京都'],
  ['東京都', 5, '東京…'],
  ['東京都', 4, '東…'],
  ['AB', 1, '…'],
  ['AB', 0, ''],
])('cutText(%j, %d) is %j', (text, columns, cut) => {
  expect(cutText(text, columns)).toBe(cut);
});

const texts = fc.string({ unit: fc.constantFrom('a', ' ', '東', '📈', 'e\u0301', '–', '█'), maxLength: 40 });

test('cutText() never makes a text longer than it may be, and leaves a short one alone', () => {
  fc.assert(
    fc.property(texts, fc.nat(40), (text, columns) => {
      expect(textWidth(cutText(text, columns))).toBeLessThanOrEqual(columns);
      if (textWidth(text) <= columns) expect(cutText(text, columns)).toBe(text);
    }),
  );
});

test('withoutControls() takes away what would move the cursor or change colours', () => {
  const text = withoutControls('a\u001B[31mb\r\n\tc\u009B2J');
  expect(text).toBe('a [31mb c 2J');
  expect(stripVTControlCharacters(text)).toBe(text);
});
