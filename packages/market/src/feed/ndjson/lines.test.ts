import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createLineReader, type Line } from './lines.ts';

const bytes = (text: string) => new TextEncoder().encode(text);
const line = (text: string): Line => ({ kind: 'line', text });

describe('createLineReader()', () => {
  test('makes lines of pieces, whole, half or several', () => {
    const reader = createLineReader(100);
    expect(reader.push(bytes('{"a":'))).toEqual([]);
    expect(reader.push(bytes('1}\n{"b":2}\r\n\n{"c'))).toEqual([line('{"a":1}'), line('{"b":2}')]);
    expect(reader.end()).toEqual([line('{"c')]);
    expect(reader.end()).toEqual([]);
  });

  test('puts a character together that was cut in two', () => {
    const reader = createLineReader(100);
    const euro = bytes('€\n');
    expect([...reader.push(euro.subarray(0, 1)), ...reader.push(euro.subarray(1))]).toEqual([line('€')]);
  });

  test('passes over a line that is too long, holds no more of it than its beginning, and goes on', () => {
    const reader = createLineReader(1_000);
    for (let n = 0; n < 100; n++) expect(reader.push(bytes('x'.repeat(500)))).toEqual([]);
    expect(reader.heldBytes()).toBeLessThanOrEqual(1_000);
    expect(reader.push(bytes('\nok\n'))).toEqual([{ kind: 'too_long', head: 'x'.repeat(200) }, line('ok')]);
  });

  test('takes a line that is as long as it may be', () => {
    const reader = createLineReader(10);
    expect(reader.push(bytes('0123456789\n'))).toEqual([line('0123456789')]);
    expect(reader.push(bytes('01234567890\n'))).toEqual([
      { kind: 'too_long', head: '01234567890'.slice(0, 10) },
    ]);
    for (const character of '0123456789') reader.push(bytes(character));
    expect(reader.push(bytes('\n'))).toEqual([line('0123456789')]);
  });

  test('tells what is no UTF-8', () => {
    expect(createLineReader(10).push(Uint8Array.of(0xff, 0x0a))).toEqual([
      { kind: 'not_utf8', head: '\u{FFFD}' },
    ]);
  });

  test('makes the same lines, whatever the pieces', () => {
    const texts = fc.array(
      fc.string({ unit: 'grapheme', maxLength: 30 }).map((text) => text.replaceAll(/[\n\r]/g, '')),
    );
    const cuts = fc.array(fc.nat(), { maxLength: 20 });
    fc.assert(
      fc.property(texts, cuts, (lines, at) => {
        const stream = bytes(lines.map((text) => `${text}\n`).join(''));
        const places = [0, ...at.map((cut) => cut % (stream.length + 1)), stream.length].toSorted(
          (a, b) => a - b,
        );
        const reader = createLineReader(300);
        const read = places.slice(1).flatMap((to, index) => reader.push(stream.subarray(places[index], to)));
        expect(read).toEqual(lines.filter((text) => text !== '').map(line));
      }),
      { numRuns: 500 },
    );
  });

  test('holds little, whatever comes', () => {
    const pieces = fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 50 });
    fc.assert(
      fc.property(pieces, (all) => {
        const reader = createLineReader(1_024);
        for (const piece of all) {
          reader.push(piece);
          expect(reader.heldBytes()).toBeLessThanOrEqual(1_024);
        }
      }),
    );
  });
});
