import { DAY_MS, HOUR_MS, startOf, STRETCH_MS } from '../values/periods.ts';

/**
 * Which stretches of which symbols' rows in the views have been looked at: a few bytes for each hour of a
 * symbol.
 */
export interface LookedAt {
  add(feed: string, symbol: string, stretchMs: number): void;
  /** True if the stretch that holds this time was looked at. */
  has(feed: string, symbol: string, timeMs: number): boolean;
  /** True if any stretch of a day was. */
  hasDay(feed: string, symbol: string, dayMs: number): boolean;
  /** True if all the stretches of an hour were. */
  hasHour(feed: string, symbol: string, hourMs: number): boolean;
}

const ALL = 2 ** (HOUR_MS / STRETCH_MS) - 1;

/** Nothing looked at yet. */
export function createLookedAt(): LookedAt {
  const symbols = new Map<string, Map<number, number>>();

  function bits(feed: string, symbol: string, timeMs: number): number {
    return symbols.get(`${feed} ${symbol}`)?.get(startOf(timeMs, HOUR_MS)) ?? 0;
  }

  function bitOf(timeMs: number): number {
    return 1 << ((timeMs % HOUR_MS) / STRETCH_MS);
  }

  return {
    add(feed, symbol, stretchMs) {
      const hours = symbols.get(`${feed} ${symbol}`) ?? new Map<number, number>();
      symbols.set(`${feed} ${symbol}`, hours);
      hours.set(startOf(stretchMs, HOUR_MS), bits(feed, symbol, stretchMs) | bitOf(stretchMs));
    },
    has: (feed, symbol, timeMs) => (bits(feed, symbol, timeMs) & bitOf(timeMs)) !== 0,
    hasDay(feed, symbol, dayMs) {
      const hours = symbols.get(`${feed} ${symbol}`);
      if (hours === undefined) return false;
      for (const hourMs of hours.keys()) if (hourMs >= dayMs && hourMs < dayMs + DAY_MS) return true;
      return false;
    },
    hasHour: (feed, symbol, hourMs) => bits(feed, symbol, hourMs) === ALL,
  };
}
