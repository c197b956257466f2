import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatPositions, parsePositions } from './positions.ts';

const offsets = fc.array(fc.bigInt({ min: 0n, max: 10n ** 18n - 1n }), { maxLength: 24 });

test('parsePositions() gives back what formatPositions() was given', () => {
  fc.assert(
    fc.property(offsets, offsets, (candles, signals) => {
      expect(parsePositions(formatPositions({ candles, signals }))).toEqual({ candles, signals });
    }),
  );
});

test('parsePositions() is null for whatever is no id, and never throws', () => {
  for (const text of [
    '',
    '1',
    'candles=1',
    'candles=,;signals=',
    'candles=-1;signals=0',
    'candles=1;signals=0\n',
  ])
    expect(parsePositions(text)).toBeNull();
  fc.assert(fc.property(fc.string(), (text) => void parsePositions(text)));
});
