import { DAY_MS, startOf, STRETCH_MS } from '../values/periods.ts';

/** A day of a shard, and the symbols of which rows in the views were looked at on it. */
export interface LookedAtDay {
  readonly shard: string;
  readonly dayMs: number;
  readonly symbols: readonly string[];
}

/** Which stretches of which shards' rows in the views have been looked at. */
export interface LookedAt {
  /** Notes a stretch, and the symbols that have something in it. */
  add(shard: string, stretchMs: number, symbols: Iterable<string>): void;
  /** True if the stretch that holds this time was looked at. */
  has(shard: string, timeMs: number): boolean;
  /** True if all of a range was; it begins and ends with a stretch, or lies within one. */
  hasAll(shard: string, fromMs: number, lengthMs: number): boolean;
  days(): readonly LookedAtDay[];
}

/** Nothing looked at yet. */
export function createLookedAt(): LookedAt {
  const stretches = new Map<string, Set<number>>();
  const symbolsOfDay = new Map<string, { shard: string; dayMs: number; symbols: Set<string> }>();

  function has(shard: string, timeMs: number): boolean {
    return stretches.get(shard)?.has(startOf(timeMs, STRETCH_MS)) === true;
  }

  return {
    add(shard, stretchMs, symbols) {
      const ofShard = stretches.get(shard) ?? new Set<number>();
      stretches.set(shard, ofShard.add(stretchMs));
      const dayMs = startOf(stretchMs, DAY_MS);
      const key = `${shard} ${dayMs}`;
      const day = symbolsOfDay.get(key) ?? { shard, dayMs, symbols: new Set<string>() };
      symbolsOfDay.set(key, day);
      for (const symbol of symbols) day.symbols.add(symbol);
    },
    has,
    hasAll(shard, fromMs, lengthMs) {
      for (let atMs = fromMs; atMs < fromMs + lengthMs; atMs += STRETCH_MS)
        if (!has(shard, atMs)) return false;
      return true;
    },
    days: () =>
      [...symbolsOfDay.values()].map(({ shard, dayMs, symbols }) => {
        return { shard, dayMs, symbols: [...symbols].toSorted() };
      }),
  };
}
