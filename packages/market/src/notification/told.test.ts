import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { saysTheSame, type Told } from './told.ts';

const TOLD: Told = {
  side: 'buy',
  strength: 0.62,
  numbers: { change: 3, close: 61_837 },
  text: 'BTC-USD jumped up by 3 to 61837, 4.1 times its average range.',
};

test.each<[string, Partial<Told>, boolean]>([
  ['the same', {}, true],
  [
    'other digits',
    { numbers: { change: 3.02, close: 61_840 }, text: TOLD.text.replace('by 3', 'by 3.02') },
    true,
  ],
  ['a little less strong', { strength: 0.6 }, true],
  ['another side', { side: 'sell' }, false],
  ['other words', { text: TOLD.text.replace('up', 'down') }, false],
  ['another number', { numbers: { change: 1, close: 61_837 } }, false],
  ['a number of another sign', { numbers: { change: -3, close: 61_837 } }, false],
  ['a number more', { numbers: { ...TOLD.numbers, atr: 1 } }, false],
  ['numbers of other names', { numbers: { change: 3, open: 61_837 } }, false],
  ['much stronger', { strength: 0.9 }, false],
])('saysTheSame() compares a telling with %s', (_, changes, isSame) => {
  expect(saysTheSame(TOLD, { ...TOLD, ...changes })).toBe(isSame);
});

test('saysTheSame() is the same both ways, and true of anything and itself', () => {
  const tellings = fc.record({
    side: fc.constantFrom('buy' as const, 'sell' as const, 'neutral' as const),
    strength: fc.constantFrom(0, 0.04, 0.08, 1),
    numbers: fc.dictionary(fc.constantFrom('a', 'b'), fc.constantFrom(-1, 0, 1, 1.005, 1e21)),
    text: fc.constantFrom('A is 1', 'A is 2e+21', 'A is -0.5', 'B is 1', ''),
  });
  fc.assert(
    fc.property(tellings, tellings, (a, b) => {
      expect(saysTheSame(a, a)).toBe(true);
      expect(saysTheSame(a, b)).toBe(saysTheSame(b, a));
    }),
  );
});
