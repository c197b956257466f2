import { isEventTime } from '../../event/event-time.ts';
import { readSymbol } from '../../event/symbol.ts';
import { createDayVolumes } from './day-volumes.ts';

/** What became of an entry of a feed that samples. */
export type SampledEntry =
  /** With `v`, the growth of the day's volume; whatever is wrong with it is for others to judge. */
  | { readonly kind: 'sample'; readonly record: unknown }
  /** The last known price, which a vendor sends when one subscribes: it may be days old. */
  | { readonly kind: 'last_known'; readonly symbol: string; readonly ageMs: number };

/** Reads the entries of a feed that samples, in the order in which they come. */
export interface Samples {
  /** A new connection. */
  begin(): void;
  /** @param clockMs The wall clock, or the recording's; null if there is none. */
  read(entry: unknown, clockMs: number | null): SampledEntry;
}

/**
 * How old the first price of a connection may be to be a look at the market of now. Others may be older: a
 * vendor that delays a market delays all of it.
 */
const LAST_KNOWN_MS = 60_000;
/** Most symbols of which it is known that they have come. */
const MAX_SYMBOLS = 100_000;

/** Nothing has come yet. */
export function createSamples(): Samples {
  const volumes = createDayVolumes();
  const heard = new Set<string>();

  return {
    begin() {
      volumes.begin();
      heard.clear();
    },
    read(entry, clockMs) {
      const record: Readonly<Record<string, unknown>> = Object(entry);
      const { s, t: eventTimeMs, dv: dayVolume } = record;
      const symbol = readSymbol(s);
      if (symbol === null || !isEventTime(eventTimeMs)) return { kind: 'sample', record: entry };
      // A bar says its volume itself.
      const v = 'v' in record ? record['v'] : volumes.growth(symbol, dayVolume, eventTimeMs);
      const isFirst = !heard.has(symbol);
      if (isFirst && heard.size < MAX_SYMBOLS) heard.add(symbol);
      const ageMs = clockMs === null ? 0 : clockMs - eventTimeMs;
      if (isFirst && ageMs > LAST_KNOWN_MS) return { kind: 'last_known', symbol, ageMs };
      return { kind: 'sample', record: { ...record, v } };
    },
  };
}
