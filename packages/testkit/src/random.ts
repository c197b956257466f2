/** Seeded chance, so that a failing schedule can be run again. */
export interface Random {
  chance(rate: number): boolean;
  /** A whole number in [0, limit). */
  below(limit: number): number;
  pick<T>(values: readonly [T, ...T[]]): T;
}

/** Mulberry32 by Tommy Ettinger: small, fast, and good enough to shuffle schedules. */
export function createRandom(seed: number): Random {
  let state = Math.imul(seed, 2_654_435_761) | 0;
  function next(): number {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  }
  const below = (limit: number): number => Math.floor(next() * limit);
  return {
    chance: (rate) => next() < rate,
    below,
    pick: (values) => values[below(values.length)] ?? values[0],
  };
}
