/** A stream of random numbers that its seed decides. */
export interface Random {
  /** In [0, 1). */
  next(): number;
  /** True with this probability. */
  chance(probability: number): boolean;
  /** A whole number in [0, limit). */
  below(limit: number): number;
  /** Standard normal. */
  gaussian(): number;
  /** Exponential with this mean. */
  exponential(mean: number): number;
}

const UINT32 = 4_294_967_296;
const WARM_UP = 12;

/**
 * Random numbers by sfc32 (Doty-Humphrey's small fast counter, of PractRand). Not for secrets.
 *
 * @param seed A whole number of at most 2^53.
 */
export function createRandom(seed: number): Random {
  let a = seed | 0;
  let b = Math.trunc(seed / UINT32) | 0;
  let c = 0x9e37_79b9 | 0;
  let counter = 1;
  let spare: number | null = null;

  function next(): number {
    const t = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + t) | 0;
    return (t >>> 0) / UINT32;
  }
  for (let round = 0; round < WARM_UP; round++) next();

  return {
    next,
    chance: (probability) => next() < probability,
    below: (limit) => Math.floor(next() * limit),
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
