import type { GapRow } from '../read/stored.ts';
import { addCounts, type LogCounts, noCounts, type RawLog } from '../recompute/raw-log.ts';
import { type Finding, type Subject, type SubjectCounts, sumTallies, type Tally } from '../values/tally.ts';
import type { ComparedStretch, WrongWindow } from './compare-stretch.ts';
import type { PlacedRollup, UnseenRows, WrongCompleteness, WrongGap, Wrongs } from './wrongs.ts';

/** How much of the raw topic was read. */
export type ReadCounts = LogCounts & { readonly shards: number; readonly gaps: number };

/** Where something was found. */
export interface Place {
  readonly subject?: Subject;
  readonly shard: string | null;
  readonly symbol: string | null;
  readonly windowStartMs: number | null;
}

/** Collects what the parts of an audit found. */
export interface Differences {
  addLog(log: RawLog): void;
  /** Takes in what a stretch's comparison found; the same stretch again replaces it. */
  addStretch(shard: string, startMs: number, compared: ComparedStretch): void;
  addPart(name: string, tally: Tally): void;
  addIncomplete(wrong: WrongCompleteness): void;
  addUnseen(rows: UnseenRows): void;
  addRollup(wrong: PlacedRollup): void;
  addGaps(verdict: { readonly wrong: readonly WrongGap[]; readonly extra: readonly GapRow[] }): void;
  /** Turns the differences of windows that have moved on into skipped ones. */
  excuse(hasMovedOn: (place: Place) => boolean): void;
  /** Number of differences, the sum of missing, extra and different. */
  count(): number;
  /** All of them, by shard and time. */
  findings(): readonly Finding[];
  subjects(): ReadonlyMap<Subject, SubjectCounts>;
  read(): ReadCounts;
  /** Windows with a wrong row of `candles_5s`, by symbol. */
  wrongCandles(): ReadonlyMap<string, readonly number[]>;
  wrongs(): Wrongs;
}

/** Nothing found yet. */
export function createDifferences(): Differences {
  const parts = new Map<string, Tally>();
  const wrongWindows = new Map<string, readonly WrongWindow[]>();
  let incomplete: WrongCompleteness[] = [];
  let unseen: UnseenRows[] = [];
  let rollups: PlacedRollup[] = [];
  let gaps: readonly WrongGap[] = [];
  let extraGaps: readonly GapRow[] = [];
  const read = { ...noCounts(), shards: 0, gaps: 0 };

  return {
    addLog(log) {
      addCounts(read, log.counts);
      read.shards += log.shards.size;
      read.gaps += log.gaps.length;
    },
    addStretch(shard, startMs, { tally, wrong }) {
      const key = `${shard}|${startMs}`;
      parts.set(key, tally);
      if (wrong.length > 0) wrongWindows.set(key, wrong);
      else wrongWindows.delete(key);
    },
    addPart(name, tally) {
      parts.set(name, tally);
    },
    addIncomplete(wrong) {
      incomplete.push(wrong);
    },
    addRollup(wrong) {
      rollups.push(wrong);
    },
    addUnseen(rows) {
      unseen.push(rows);
    },
    addGaps(verdict) {
      gaps = verdict.wrong;
      extraGaps = verdict.extra;
    },
    excuse(hasMovedOn) {
      for (const [name, tally] of parts)
        if (tally.findings.length > 0) parts.set(name, tally.without(hasMovedOn));
      for (const [key, windows] of wrongWindows) {
        wrongWindows.set(
          key,
          windows.filter((window) => !hasMovedOn({ symbol: null, ...window })),
        );
      }
      incomplete = incomplete.filter((window) => !hasMovedOn({ symbol: null, ...window }));
      unseen = unseen.filter((rows) => !hasMovedOn(rows));
      rollups = rollups.filter(
        ({ shard, symbol, startMs, table: { table } }) =>
          !hasMovedOn({ subject: table, shard, symbol, windowStartMs: startMs }),
      );
    },
    count() {
      let sum = 0;
      for (const { missing, extra, different } of sumTallies(parts.values()).values())
        sum += missing + extra + different;
      return sum;
    },
    findings: () =>
      [...parts.values()]
        .flatMap((tally) => tally.findings)
        .toSorted((a, b) => compareText(a.shard, b.shard) || (a.windowStartMs ?? 0) - (b.windowStartMs ?? 0)),
    subjects: () => sumTallies(parts.values()),
    read: () => read,
    wrongCandles() {
      const wrong = new Map<string, number[]>();
      for (const tally of parts.values()) {
        for (const { subject, symbol, windowStartMs } of tally.findings) {
          if (subject !== 'candles_5s' || symbol === null || windowStartMs === null) continue;
          const starts = wrong.get(symbol);
          if (starts === undefined) wrong.set(symbol, [windowStartMs]);
          else starts.push(windowStartMs);
        }
      }
      return wrong;
    },
    wrongs: () => ({
      windows: [...wrongWindows.values()].flat(),
      gaps,
      extraGaps,
      incomplete,
      unseen,
      rollups,
    }),
  };
}

function compareText(a: string | null, b: string | null): number {
  return (a ?? '') < (b ?? '') ? -1 : (a ?? '') > (b ?? '') ? 1 : 0;
}
