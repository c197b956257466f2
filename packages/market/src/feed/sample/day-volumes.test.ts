import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createDayVolumes } from './day-volumes.ts';

const AT = 1_700_000_000_000;

/** The growths of a series of volumes, a second apart unless a time is given. */
function growths(...looks: readonly unknown[]): readonly (number | null)[] {
  const volumes = createDayVolumes();
  return looks.map((look, index) => {
    const [dayVolume, seconds]: readonly unknown[] = Array.isArray(look) ? look : [look, index];
    return volumes.growth('AAPL', dayVolume, AT + Number(seconds) * 1_000);
  });
}

describe('growth()', () => {
  test('knows nothing at the first look, and then what was traded in between', () => {
    expect(growths(1_000, 1_000, 1_300, 1_301)).toEqual([null, 0, 300, 1]);
  });

  test('is never negative, and knows nothing when a new day begins', () => {
    expect(growths(9_000_000, 9_000_100, 50, 70)).toEqual([null, 100, null, 20]);
  });

  test('passes over a look that tells no volume, as Yahoo once did between two that grew', () => {
    expect(growths(1_000, null, 1_200, 0, 1_300, Number.NaN, '1', 1_400)).toEqual([
      null,
      null,
      200,
      null,
      100,
      null,
      null,
      100,
    ]);
  });

  test('takes a look that comes late for no new day', () => {
    expect(growths([1_000, 0], [1_200, 2], [1_100, 1], [1_300, 3])).toEqual([null, 200, null, 100]);
    // Within one second nobody knows which came first.
    expect(growths([1_200, 0], [1_100, 0], [1_300, 1])).toEqual([null, null, 100]);
  });

  test('subtracts decimals without a tail', () => {
    expect(growths(0.1, 0.3)).toEqual([null, 0.2]);
  });

  test('knows nothing of a symbol after a new connection', () => {
    const volumes = createDayVolumes();
    volumes.growth('AAPL', 1_000, AT);
    volumes.begin();
    expect(volumes.growth('AAPL', 5_000, AT + 1_000)).toBeNull();
    expect(volumes.growth('AAPL', 5_010, AT + 2_000)).toBe(10);
  });

  test('sums up to what was traded from the first look to the last, whatever is left out in between', () => {
    const step = fc.record({ traded: fc.nat(1_000), isTold: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step, { minLength: 1 }), (steps) => {
        let total = 500;
        const series = steps.map(({ traded, isTold }) => {
          total += traded;
          return isTold ? total : null;
        });
        const known = growths(500, ...series, total + 1);
        expect(known.reduce<number>((sum, growth) => sum + (growth ?? 0), 0)).toBe(total + 1 - 500);
      }),
    );
  });
});
