import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, test } from 'vitest';
import { writeCsv } from './csv.ts';

const folder = mkdtempSync(join(tmpdir(), 'kandle-csv-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Cells by RFC 4180, read character by character. */
function readCells(text: string): readonly (readonly string[])[] {
  const rows: string[][] = [];
  let row: string[] = [];
  let cell = '';
  let isQuoted = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (isQuoted && character === '"' && text[at + 1] === '"') {
      cell += '"';
      at += 1;
    } else if (character === '"') isQuoted = !isQuoted;
    else if (!isQuoted && (character === ',' || character === '\n')) {
      row.push(cell);
      cell = '';
      if (character === '\n') {
        rows.push(row);
        row = [];
      }
    } else cell += character;
  }
  return rows;
}

test('writeCsv() writes cells that are read back as they were, when the texts are any', async () => {
  const texts = fc.oneof(
    fc.string({ unit: 'grapheme', maxLength: 8 }),
    fc.string({ unit: fc.constantFrom('"', ',', '\n', '\r', 'a'), maxLength: 8 }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(fc.tuple(texts, fc.double()), { maxLength: 5 }), async (cells) => {
      const file = join(folder, 'a.csv');
      const written = await writeCsv(
        file,
        ['symbol', 'price'],
        (async function* () {
          yield* cells;
        })(),
      );
      expect(written).toBe(cells.length);
      const [header, ...rows] = readCells(readFileSync(file, 'utf8'));
      expect(header).toEqual(['symbol', 'price']);
      expect(rows).toEqual(cells.map(([text, number]) => [text, String(number)]));
    }),
  );
});
