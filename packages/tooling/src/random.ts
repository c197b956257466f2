import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { skipN } from 'pure-rand/utils/skipN';

/** A stream of random numbers that its seed decides, so that what it made can be made again. */
export interface Random {
  /** In [0, 1). */
  next(): number;
  /** True with this probability. */
  chance(probability: number): boolean;
  /** A whole number in [0, limit). */
  below(limit: number): number;
  pick<T>(values: readonly [T, ...T[]]): T;
  /** Standard normal. */
  gaussian(): number;
  /** Exponential with this mean. */
  exponential(mean: number): number;
}

const UINT32 = 4_294_967_296;
/** Seeds that are neighbours begin alike, and have parted by then. */
const WARM_UP = 32;

/**
 * Random numbers by xoroshiro128+. Not for secrets.
 *
 * @param seed A whole number of at most 2^53.
 */
export function createRandom(seed: number): Random {
  const generator = xoroshiro128plus((seed | 0) ^ Math.imul(Math.trunc(seed / UINT32), 0x9e37_79b1));
  skipN(generator, WARM_UP);
  let spare: number | null = null;
  const next = (): number => uniformFloat64(generator);
  const below = (limit: number): number => Math.floor(next() * limit);

  return {
    next,
    chance: (probability) => next() < probability,
    below,
    pick: (values) => values[below(values.length)] ?? values[0],
    gaussian() {
      // Marsaglia's polar method makes two at a time.
      if (spare !== null) {
        const value = spare;
        spare = null;
        return value;
      }
      for (;;) {
        const x = 2 * next() - 1;
        const y = 2 * next() - 1;
        const square = x * x + y * y;
        if (square === 0 || square >= 1) continue;
        const factor = Math.sqrt((-2 * Math.log(square)) / square);
        spare = y * factor;
        return x * factor;
      }
    },
    exponential: (mean) => -mean * Math.log(1 - next()),
  };
}
