import type { DeadLetter, DeadLetters } from './dead-letters.ts';
import type { LogCounts, RawLog } from './raw-log.ts';
import type { StoredWindow } from './stored.ts';
import {
  createTally,
  type Finding,
  type Subject,
  type SubjectCounts,
  sumTallies,
  type Tally,
} from './tally.ts';

/** What was asked for. */
export interface Scope {
  readonly startedAtMs: number;
  readonly feed: string | null;
  readonly sinceMs: number | null;
  readonly untilMs: number | null;
}

/** The outcome of an audit. */
export interface AuditReport extends Scope {
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
}

/** Collects the parts of an audit into its report. */
export interface Report {
  addLog(log: RawLog): void;
  /** Takes in what a stretch's comparison found; the same stretch again replaces it. */
  addStretch(shard: string, startMs: number, tally: Tally): void;
  addUnknownWindow(shard: string, startMs: number, windowStartMs: number, window: StoredWindow): void;
  differences(): number;
  /** Turns the differences of windows that have moved on into skipped ones. */
  excuse(hasMovedOn: (shard: string, windowStartMs: number) => boolean): void;
  finish(dead: DeadLetters): AuditReport;
}

/** An empty report. */
export function createReport(scope: Scope & { readonly maxFindings: number }): Report {
  const { maxFindings, ...rest } = scope;
  const parts = new Map<string, Tally>();
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

  function sums(): ReadonlyMap<Subject, SubjectCounts> {
    return sumTallies(parts.values());
  }

  function differences(): number {
    return [...sums().values()].reduce(
      (sum, { missing, extra, different }) => sum + missing + extra + different,
      0,
    );
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
    addStretch(shard, startMs, tally) {
      parts.set(`${shard}|${startMs}`, tally);
    },
    addUnknownWindow(shard, startMs, windowStartMs, window) {
      const key = `${shard}|${startMs}`;
      const tally = parts.get(key) ?? createTally();
      parts.set(key, tally);
      tally.check('windows');
      tally.find({
        subject: 'windows',
        kind: 'extra',
        shard,
        windowStartMs,
        symbol: null,
        what: 'window of a shard that the log does not know',
        expected: 'no window',
        found: `version ${window.version}, applied ${window.applied}, symbols ${[...window.rows.keys()].join(', ')}`,
      });
    },
    differences,
    excuse(hasMovedOn) {
      for (const [key, tally] of parts) {
        if (tally.findings.length === 0) continue;
        parts.set(
          key,
          tally.without(
            ({ shard, windowStartMs }) =>
              shard !== null && windowStartMs !== null && hasMovedOn(shard, windowStartMs),
          ),
        );
      }
    },
    finish(dead) {
      const findings = [...parts.values()]
        .flatMap((tally) => tally.findings)
        .toSorted((a, b) => compareText(a.shard, b.shard) || (a.windowStartMs ?? 0) - (b.windowStartMs ?? 0));
      const found = differences();
      return {
        ...rest,
        finishedAtMs: Date.now(),
        verdict: found === 0 ? 'clean' : 'different',
        differences: found,
        read,
        subjects: sums(),
        findings: findings.slice(0, maxFindings),
        deadLetters: [...dead.all()],
      };
    },
  };
}

function compareText(a: string | null, b: string | null): number {
  return (a ?? '') < (b ?? '') ? -1 : (a ?? '') > (b ?? '') ? 1 : 0;
}
