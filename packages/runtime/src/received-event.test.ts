import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { PoisonError } from './errors.ts';
import { parseEventData } from './received-event.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** An array nested so many levels deep. */
const nested = (levels: number): string => '['.repeat(levels) + ']'.repeat(levels);

test('parseEventData() is JSON.parse(), when the data is any JSON without a key __proto__', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 5, noUnicodeString: false }), (value) => {
      const text = JSON.stringify(value);
      fc.pre(!text.includes('__proto__'));
      expect(parseEventData(bytes(text))).toEqual(JSON.parse(text));
    }),
  );
});

test.each<[string, string]>([
  ['brackets in a string', `["${'['.repeat(100)}"]`],
  ['escaped quotes before brackets in a string', `["\\"${'[{'.repeat(100)}\\\\"]`],
  ['escaped brackets in a key', `{"\\u005b${'['.repeat(100)}":1}`],
  ['many brackets one after the other', `[${Array.from({ length: 100 }, () => '[]').join(',')}]`],
  ['32 levels', nested(32)],
  ['the text __proto__', '["__proto__", "\\"__proto__\\":1"]'],
  ['a key that ends in __proto__', '{"\\"__proto__":1}'],
  ['a key that begins with a byte order mark', '{"\ufeffa":1}'],
])('parseEventData() takes JSON, when it has %s', (_, text) => {
  expect(parseEventData(bytes(text))).toEqual(JSON.parse(text));
});

test.each<[string, Uint8Array, string]>([
  ['no bytes', new Uint8Array(), 'not valid JSON'],
  ['broken JSON', bytes('{"a":'), 'not valid JSON'],
  ['two JSON texts', bytes('{}{}'), 'not valid JSON'],
  ['NaN', bytes('NaN'), 'not valid JSON'],
  ['a stray continuation byte', Uint8Array.of(0x22, 0x80, 0x22), 'not valid UTF-8'],
  ['a character cut in two', Uint8Array.of(0x22, 0xe2, 0x82, 0x22), 'not valid UTF-8'],
  ['an overlong form', Uint8Array.of(0x22, 0xc0, 0xaf, 0x22), 'not valid UTF-8'],
  ['a surrogate', Uint8Array.of(0x22, 0xed, 0xa0, 0x80, 0x22), 'not valid UTF-8'],
  ['33 levels', bytes(nested(33)), 'deeper than 32 levels'],
  ['100 levels', bytes(nested(100)), 'deeper than 32 levels'],
  ['100,000 levels', bytes(nested(100_000)), 'deeper than 32 levels'],
  ['33 levels of objects', bytes(`${'{"a":'.repeat(32)}{"b":{}}${'}'.repeat(32)}`), 'deeper than 32 levels'],
  ['a key __proto__', bytes('{"a":[{"__proto__":{"x":1}}]}'), 'a key __proto__'],
  ['a key __proto__ written with escapes', bytes('{"\\u005f_proto__" : 1}'), 'a key __proto__'],
])('parseEventData() refuses for good, when the data is %s', (_, data, reason) => {
  expect(() => parseEventData(data)).toThrow(PoisonError);
  expect(() => parseEventData(data)).toThrow(reason);
});
