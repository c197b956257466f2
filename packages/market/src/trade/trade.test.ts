import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { compareTradeKeys, formatTradeKey, parseTradeKey, type TradeKey } from './trade.ts';

const few = fc.integer({ min: 0, max: 2 });
/** Keys with few distinct numbers, so that ties reach every field. */
const keys: fc.Arbitrary<TradeKey> = fc.record({ eventTimeMs: few, epoch: few, sequence: few, index: few });

/** A rank above 0, or none. */
const ranks = fc.constantFrom<Pick<TradeKey, 'rank'>[]>({}, { rank: 1 }, { rank: 2 }, { rank: 3 });

function padded(key: TradeKey): string {
  return formatTradeKey(key).replace(/\d+/g, (part) => part.padStart(15, '0'));
}

test('compareTradeKeys() agrees with the order of the padded texts, when keys tie in any field', () => {
  fc.assert(
    fc.property(keys, keys, (a, b) => {
      const model = padded(a) < padded(b) ? -1 : padded(a) > padded(b) ? 1 : 0;
      expect(Math.sign(compareTradeKeys(a, b))).toBe(model);
      expect(Math.sign(compareTradeKeys(b, a))).toBe(0 - model);
    }),
    { numRuns: 1_000 },
  );
});

test('compareTradeKeys() compares numbers, when their texts would sort the other way', () => {
  const at9 = { eventTimeMs: 9, epoch: 9, sequence: 9, index: 9 };
  for (const field of ['eventTimeMs', 'epoch', 'sequence', 'index'] as const) {
    expect(compareTradeKeys(at9, { ...at9, [field]: 10 })).toBeLessThan(0);
  }
});

test('parseTradeKey() is the inverse of formatTradeKey(), when the key is any', () => {
  const any = fc.integer({ min: 0, max: 999_999_999_999_999 });
  fc.assert(
    fc.property(
      fc.record({ eventTimeMs: any, epoch: any, sequence: any, index: any }),
      ranks,
      (key, rank) => {
        expect(parseTradeKey(formatTradeKey({ ...key, ...rank }))).toEqual({ ...key, ...rank });
      },
    ),
  );
});

test('formatTradeKey() gives the text of its documentation, when the key is that of the example', () => {
  const key = { eventTimeMs: 1_723_161_255_342, epoch: 1_764_000_000_000, sequence: 17, index: 3 };
  expect(formatTradeKey(key)).toBe('1723161255342:1764000000000:17:3');
});

test.each([
  '',
  ':::',
  '1:2:3',
  '1:2:3:',
  '1:2:3:4:5',
  '1:2:3:x',
  '1:2:3:-4',
  '1:2:3: 4',
  '1:2:3:4\n',
  '1e3:2:3:4',
  '0x1:2:3:4',
  '1.0:2:3:4',
  '1:2:3:9007199254740993',
])('parseTradeKey() refuses, when the text is %j', (text) => {
  expect(() => parseTradeKey(text)).toThrow(RangeError);
});
