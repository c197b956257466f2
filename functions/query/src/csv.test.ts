import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { toCsv } from './csv.ts';

/** A reader of RFC 4180 in the plainest way: a character at a time. */
function readCsv(text: string): readonly (readonly string[])[] {
  const rows: string[][] = [[]];
  let cell = '';
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const char = text[at] ?? '';
    if (quoted && char === '"' && text[at + 1] === '"') cell += text[++at];
    else if (char === '"') quoted = !quoted;
    else if (!quoted && (char === ',' || char === '\n')) {
      rows.at(-1)?.push(cell);
      cell = '';
      if (char === '\n') rows.push([]);
    } else cell += char;
  }
  return rows.slice(0, -1);
}

const texts = fc.string({
  unit: fc.constantFrom('a', ',', '"', '\n', '\r', '=', '-', '界', "'"),
  maxLength: 8,
});

test('toCsv() is read back by RFC 4180, whatever the texts hold', () => {
  fc.assert(
    fc.property(fc.array(fc.record({ text: texts, number: fc.double({ noNaN: true }) })), (rows) => {
      const finite = rows.map((row) => ({ ...row, number: Number.isFinite(row.number) ? row.number : 0 }));
      const [header, ...cells] = readCsv(toCsv(['text', 'number'], finite));
      expect(header).toEqual(['text', 'number']);
      expect(
        cells.map(([text = '', number = '']) => [text.replace(/^'(?=['=+\-@\t\r])/, ''), Number(number) + 0]),
      ).toEqual(finite.map(({ text, number }) => [text, number + 0]));
    }),
  );
});
