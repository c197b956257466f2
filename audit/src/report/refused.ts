import type { ReadCounts } from '../compare/differences.ts';

/** Records that count as nothing: correct by the rules, and yet what somebody may miss. */
export interface Refused {
  /** What stands in `market.rejects.v1`, by reason. */
  readonly byReason: Readonly<Record<string, number>>;
  /** Refused for their time alone, less what was sent again. */
  readonly tooLate: number;
  readonly tooFarAhead: number;
  readonly redriven: number;
  /** The two together, of a million trades; and how many may be. */
  readonly ppm: number;
  readonly maxPpm: number;
}

const MILLION = 1_000_000;

/**
 * How much of the market was refused for its time alone; `too_late` by the log itself, for it is judged again.
 */
export function refusedOf(
  byReason: Readonly<Record<string, number>>,
  { wantedTrades, wantedTooLate, redrivenTrades }: ReadCounts,
  maxPpm: number,
): Refused {
  const tooFarAhead = byReason['too_far_ahead'] ?? 0;
  const refused = Math.max(0, wantedTooLate + tooFarAhead - redrivenTrades);
  const all = wantedTrades - redrivenTrades + wantedTooLate + tooFarAhead;
  return {
    byReason,
    tooLate: wantedTooLate,
    tooFarAhead,
    redriven: redrivenTrades,
    ppm: refused === 0 ? 0 : Math.ceil((refused * MILLION) / Math.max(all, refused)),
    maxPpm,
  };
}
