import { readLine } from '@kandle/testkit/sink/read-line';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type FieldValue, formatPoint, type Point } from './line-protocol.ts';

/** Texts of what is hard: separators, quotes, escapes, line ends, and more than a byte or a unit. */
const texts = fc
  .array(fc.constantFrom('a', ',', ' ', '=', '"', '\\', '\n', '\r', '\t', '#', 'é', '币', '🚀'), {
    minLength: 1,
    maxLength: 8,
  })
  .map((parts) => parts.join(''));
const values: fc.Arbitrary<FieldValue> = fc.oneof(
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.bigInt({ min: -(2n ** 63n) + 1n, max: 2n ** 63n - 1n }),
  fc.oneof(texts, fc.constant('')),
  fc.boolean(),
);
const points: fc.Arbitrary<Point> = fc.record({
  measurement: texts.filter((text) => !text.startsWith('#')),
  tags: fc.dictionary(texts, texts, { maxKeys: 3 }),
  fields: fc.dictionary(texts, values, { minKeys: 1, maxKeys: 4 }),
  timeNs: fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }),
});

const withoutLineEnds = (text: string): string => text.replaceAll(/\r\n|\n|\r/g, ' ');
const inName = (text: string): string => {
  const signs = withoutLineEnds(text).split('');
  let isBefore = true;
  for (let at = signs.length - 1; at >= 0; at--) {
    if (signs[at] === '\\') signs[at] = isBefore ? '＼' : '\\';
    else isBefore = [',', '=', ' '].includes(signs[at] ?? '');
  }
  return signs.join('');
};

describe('formatPoint()', () => {
  test('is read as the same point, when its names, tags and texts are anything', () => {
    fc.assert(
      fc.property(points, (point) => {
        const read = readLine(formatPoint(point));
        const named = <Value>(of: Readonly<Record<string, Value>>, value: (one: Value) => Value) =>
          Object.fromEntries(Object.entries(of).map(([name, one]) => [inName(name), value(one)]));
        expect(read).toEqual({
          measurement: inName(point.measurement),
          tags: named(point.tags, inName),
          fields: named(point.fields, (value) =>
            typeof value === 'string' ? withoutLineEnds(value) : value === 0 ? 0 : value,
          ),
          timeNs: point.timeNs,
        });
      }),
      { numRuns: 2_000 },
    );
  });

  test.each([
    ['commas, blanks and equals signs', 'a,b c=d', String.raw`a\,b\ c\=d`],
    ['a line end', 'a\r\nb', String.raw`a\ b`],
    ['a backslash in the middle', String.raw`C:\x`, String.raw`C:\x`],
    ['a backslash before a comma', String.raw`a\,b`, String.raw`a＼\,b`],
    ['a trailing backslash', 'a\\', 'a＼'],
    ['trailing backslashes', 'a\\\\', 'a＼＼'],
    ['an emoji', '🚀', '🚀'],
  ])('writes %s in a tag', (_, value, written) => {
    const line = formatPoint({ measurement: 'm', tags: { symbol: value }, fields: { a: 1 }, timeNs: 5n });
    expect(line).toBe(`m,symbol=${written} a=1 5`);
  });

  test('writes each kind of field as its own', () => {
    const fields = { double: 1e-8, whole: 100, large: 1e21, integer: 5n, text: String.raw`"\ `, flag: false };
    expect(formatPoint({ measurement: 'm', tags: {}, fields, timeNs: 0n })).toBe(
      String.raw`m double=1e-8,whole=100,large=1e+21,integer=5i,text="\"\\ ",flag=false 0`,
    );
  });

  test.each([
    ['an empty tag', { tags: { symbol: '' } }],
    ['an empty name', { tags: { '': 'a' } }],
    ['an empty measurement', { measurement: '' }],
    ['a measurement that begins a comment', { measurement: '#m' }],
    ['no field', { fields: {} }],
    ['a number that is none', { fields: { a: Number.NaN } }],
    ['an integer beyond 64 bits', { fields: { a: 2n ** 63n } }],
    ['a time beyond 64 bits', { timeNs: 2n ** 63n }],
  ] satisfies [string, Partial<Point>][])('refuses %s', (_, changes) => {
    const point = { measurement: 'm', tags: { symbol: 'A' }, fields: { a: 1 }, timeNs: 0n, ...changes };
    expect(() => formatPoint(point)).toThrow(RangeError);
  });
});
