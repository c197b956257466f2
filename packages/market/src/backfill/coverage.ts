import type { GapSpan, GapSpans } from '../window/gap-spans.ts';

/** A frame of a recording, as far as it tells of time. */
export interface SeenFrame {
  /** When it came, by the recorder's clock. */
  readonly recvMs: number;
  readonly trades: readonly { readonly symbol: string; readonly eventTimeMs: number }[];
}

/** How long a feed may say nothing at all and still be there: as ingest judges a line. */
const SILENCE_MS = 150_000;
/** Trades come a little out of order: of the ends of a recording some may be missing. */
const EDGE_MS = 2_000;
/** A symbol whose trades come later than the others' by more than this is delayed. */
const DELAY_MS = 60_000;

/** Which stretches of event time a recording tells whole. */
export interface Coverage {
  see(frame: SeenFrame): void;
  /**
   * Those of a symbol, ascending and disjoint, without the first and the last two seconds of each. None of a
   * symbol that the recording does not have, or that is delayed: its last trades are not in it.
   */
  spansOf(symbol: string): GapSpans;
}

/**
 * Nothing seen yet. A recording is whole from its first trade to its last, but where its recorder heard nothing
 * at all for longer than a feed is ever silent. Only distances on the recorder's clock count, for it may be
 * wrong. One wrong event time makes less of it, never more.
 */
export function createCoverage(): Coverage {
  const done: GapSpan[] = [];
  /** How far the trade that came soonest is before the recorder's clock, by symbol. */
  const aheadMs = new Map<string, number>();
  let fromMs = Number.POSITIVE_INFINITY;
  let toMs = 0;
  let lastRecvMs: number | null = null;

  function spans(): GapSpans {
    const last: GapSpan = [fromMs + EDGE_MS, toMs - EDGE_MS];
    return last[0] <= last[1] ? [...done, last] : done;
  }

  return {
    see({ recvMs, trades }) {
      if (lastRecvMs !== null && Math.abs(recvMs - lastRecvMs) > SILENCE_MS) {
        done.splice(0, done.length, ...spans());
        fromMs = Number.POSITIVE_INFINITY;
        toMs = 0;
      }
      lastRecvMs = recvMs;
      for (const { symbol, eventTimeMs } of trades) {
        fromMs = Math.min(fromMs, eventTimeMs);
        toMs = Math.max(toMs, eventTimeMs);
        const known = aheadMs.get(symbol) ?? Number.NEGATIVE_INFINITY;
        aheadMs.set(symbol, Math.max(known, eventTimeMs - recvMs));
      }
    },
    spansOf(symbol) {
      const ownMs = aheadMs.get(symbol);
      if (ownMs === undefined) return [];
      const soonestMs = [...aheadMs.values()].reduce((max, one) => Math.max(max, one), ownMs);
      return soonestMs - ownMs > DELAY_MS ? [] : spans();
    },
  };
}
