import type { ComparedStretch, WrongWindow } from './compare-stretch.ts';
import type { RollupTable, WrongRollup } from './compare-rollups.ts';
import type { DeadLetter, DeadLetters } from './dead-letters.ts';
import type { GapRow } from './gap-ledger.ts';
import type { Gap } from './raw-batch.ts';
import type { RepairSummary } from './repair.ts';
import type { LogCounts, RawLog } from './raw-log.ts';
import type { Scope } from './scope.ts';
import type { Place } from './tail.ts';
import { type Finding, type Subject, type SubjectCounts, sumTallies, type Tally } from './tally.ts';

/** The outcome of an audit. */
export interface AuditReport extends Scope {
  readonly startedAtMs: number;
  readonly finishedAtMs: number;
  readonly verdict: 'clean' | 'different';
  /** Number of differences, the sum of missing, extra and different. */
  readonly differences: number;
  readonly read: LogCounts & { readonly shards: number; readonly gaps: number };
  readonly subjects: ReadonlyMap<Subject, SubjectCounts>;
  /** The first differences, by shard and time. */
  readonly findings: readonly Finding[];
  /** Everything in the dead letter topic, redriven or not. */
  readonly deadLetters: readonly DeadLetter[];
  /** What was done about the differences, if that was asked for. */
  readonly repair: RepairSummary | null;
}

/** What is wrong and what it should be, for the repair. */
export interface Wrongs {
  readonly windows: readonly WrongWindow[];
  readonly gaps: readonly Gap[];
  readonly extraGaps: readonly GapRow[];
  /** Final windows that do not know that a gap touches them, or think so without one. */
  readonly incomplete: readonly WrongCompleteness[];
  /** Longer candles that are not what their parts make. */
  readonly rollups: readonly PlacedRollup[];
  /** Windows of a symbol that have rows in the views, and of which the log says nothing. */
  readonly unseen: readonly UnseenRows[];
}

/** A window that is to become incomplete, or complete. */
export interface WrongCompleteness {
  readonly shard: string;
  readonly windowStartMs: number;
  readonly isIncomplete: boolean;
}

/** A longer candle that is wrong, and where it stands. */
export interface PlacedRollup extends WrongRollup {
  readonly feed: string;
  readonly symbol: string;
  readonly shard: string | null;
  readonly table: RollupTable;
}

/** Where rows are that nothing explains. */
export interface UnseenRows {
  readonly feed: string;
  readonly symbol: string;
  readonly shard: string | null;
  readonly windowStartMs: number;
}

/** Collects the parts of an audit into its report. */
export interface Report {
  addLog(log: RawLog): void;
  /** Takes in what a stretch's comparison found; the same stretch again replaces it. */
  addStretch(shard: string, startMs: number, compared: ComparedStretch): void;
  addPart(name: string, tally: Tally): void;
  addIncomplete(wrong: WrongCompleteness): void;
  addUnseen(rows: UnseenRows): void;
  addRollup(wrong: PlacedRollup): void;
  addGaps(verdict: { readonly wrong: readonly Gap[]; readonly extra: readonly GapRow[] }): void;
  differences(): number;
  /** Windows with a wrong row of `candles_5s`, by symbol. */
  wrongCandles(): ReadonlyMap<string, readonly number[]>;
  /** Turns the differences of windows that have moved on into skipped ones. */
  excuse(hasMovedOn: (place: Place) => boolean): void;
  wrongs(): Wrongs;
  finish(dead: DeadLetters, repair: RepairSummary | null): AuditReport;
}

/** An empty report. */
export function createReport(
  about: Scope & { readonly startedAtMs: number; readonly maxFindings: number },
): Report {
  const { maxFindings, ...scope } = about;
  const parts = new Map<string, Tally>();
  const wrongWindows = new Map<string, readonly WrongWindow[]>();
  let incomplete: WrongCompleteness[] = [];
  let unseen: UnseenRows[] = [];
  let rollups: PlacedRollup[] = [];
  let gaps: readonly Gap[] = [];
  let extraGaps: readonly GapRow[] = [];
  const read = {
    events: 0,
    batches: 0,
    repeatedBatches: 0,
    unreadable: 0,
    records: 0,
    trades: 0,
    notCounted: {} as LogCounts['notCounted'],
    shards: 0,
    gaps: 0,
  };

  function differences(): number {
    let sum = 0;
    for (const { missing, extra, different } of sumTallies(parts.values()).values())
      sum += missing + extra + different;
    return sum;
  }

  return {
    addLog(log) {
      for (const name of ['events', 'batches', 'repeatedBatches', 'unreadable', 'records', 'trades'] as const)
        read[name] += log.counts[name];
      for (const [reason, count] of Object.entries(log.counts.notCounted)) {
        const name = reason as keyof LogCounts['notCounted'];
        read.notCounted[name] = (read.notCounted[name] ?? 0) + count;
      }
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
    differences,
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
    wrongs: () => ({
      windows: [...wrongWindows.values()].flat(),
      gaps,
      extraGaps,
      incomplete,
      unseen,
      rollups,
    }),
    finish(dead, repair) {
      const findings = [...parts.values()]
        .flatMap((tally) => tally.findings)
        .toSorted((a, b) => compareText(a.shard, b.shard) || (a.windowStartMs ?? 0) - (b.windowStartMs ?? 0));
      const found = differences();
      return {
        ...scope,
        finishedAtMs: Date.now(),
        verdict: found === 0 ? 'clean' : 'different',
        differences: found,
        read,
        subjects: sumTallies(parts.values()),
        findings: findings.slice(0, maxFindings),
        deadLetters: dead.all(),
        repair,
      };
    },
  };
}

function compareText(a: string | null, b: string | null): number {
  return (a ?? '') < (b ?? '') ? -1 : (a ?? '') > (b ?? '') ? 1 : 0;
}
