/**
 * What has been traded between two looks at a market, by the day's volume that each of them tells.
 *
 * Nothing is known at the first look of a connection, for what was traded while it was away belongs to no
 * window; where a look tells no volume; and where the volume falls, which it does when a new day begins.
 */
export interface DayVolumes {
  /** A new connection: what comes first of each symbol tells nothing of what was before it. */
  begin(): void;
  /**
   * By how much the volume has grown, 0 or more; null if nobody can know.
   *
   * @param dayVolume As the feed told it, whatever it is.
   */
  growth(symbol: string, dayVolume: unknown, eventTimeMs: number): number | null;
}

interface Known {
  readonly dayVolume: number;
  readonly eventTimeMs: number;
}

/** Most symbols whose volume is remembered: more than any plan has, few enough to hold. */
const MAX_SYMBOLS = 100_000;

/** Nothing is known yet. */
export function createDayVolumes(): DayVolumes {
  const known = new Map<string, Known>();

  return {
    begin: () => known.clear(),
    growth(symbol, dayVolume, eventTimeMs) {
      // Yahoo's wire leaves out what is zero, and once left out a volume between two that were not.
      if (typeof dayVolume !== 'number' || !(dayVolume > 0) || !Number.isFinite(dayVolume)) return null;
      const before = known.get(symbol);
      if (before === undefined) {
        if (known.size < MAX_SYMBOLS) known.set(symbol, { dayVolume, eventTimeMs });
        return null;
      }
      // A look that is late says less than what is known.
      if (dayVolume < before.dayVolume && eventTimeMs <= before.eventTimeMs) return null;
      known.set(symbol, { dayVolume, eventTimeMs: Math.max(eventTimeMs, before.eventTimeMs) });
      return dayVolume < before.dayVolume ? null : exactDifference(dayVolume, before.dayVolume);
    },
  };
}

/** The difference without the tail that subtraction of decimals leaves: 0.3 - 0.1 is 0.2. */
function exactDifference(larger: number, smaller: number): number {
  return Math.max(0, Number((larger - smaller).toFixed(8)));
}
