import type { IngestStatus } from '@kandle/stand-in/ingest-process';

/** How far a replay has come. */
export interface ReplayFacts {
  /** True once its first frame has left. */
  readonly hasBegun: boolean;
  /** Null if ingest does not answer. */
  readonly status: Pick<IngestStatus, 'ended'> | null;
  /** Rises whenever an event is settled, by any source. */
  readonly settledEvents: number;
}

/** Finds out that a replay will never come to its end. */
export interface Standstill {
  /** @returns Why it will not, in words; null as long as it may. */
  look(facts: ReplayFacts, monotonicMs: number): string | null;
}

/** Ingest starts within seconds, and asks for thousands of symbols in one. */
const BEGIN_MS = 120_000;
/** A little more than the longest pause of a source between two tries of an event: 60 times 5 s. */
const REST_MS = 330_000;

/** Watches a replay that begins to be watched now. */
export function createStandstill(nowMs: number): Standstill {
  let settled = 0;
  let aliveMs = nowMs;
  let movedMs = nowMs;

  return {
    look({ hasBegun, status, settledEvents }, monotonicMs) {
      if (status !== null) aliveMs = monotonicMs;
      // While frames may still come, a pause is the recording's own.
      if (!hasBegun ? false : status?.ended !== true || settledEvents !== settled) movedMs = monotonicMs;
      settled = settledEvents;
      const waited = (sinceMs: number): string => `for ${Math.round((monotonicMs - sinceMs) / 1_000)} s`;
      if (monotonicMs - aliveMs > BEGIN_MS) return `ingest has not answered ${waited(aliveMs)}`;
      if (!hasBegun && monotonicMs - movedMs > BEGIN_MS)
        return `the recording has not begun to play: ingest has asked for none of its symbols ${waited(movedMs)}`;
      if (monotonicMs - movedMs > REST_MS) return `no event was settled ${waited(movedMs)}`;
      return null;
    },
  };
}
