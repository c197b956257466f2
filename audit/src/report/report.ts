import type { Differences, ReadCounts } from '../compare/differences.ts';
import type { DeadLetter, DeadLetters } from '../read/dead-letters.ts';
import type { RepairSummary } from '../repair/summary.ts';
import type { Scope } from '../values/scope.ts';
import type { Finding, Subject, SubjectCounts } from '../values/tally.ts';

/** The outcome of an audit. */
export interface AuditReport extends Scope {
  readonly startedAtMs: number;
  readonly finishedAtMs: number;
  readonly verdict: 'clean' | 'different';
  /** Number of differences, the sum of missing, extra and different. */
  readonly differences: number;
  readonly read: ReadCounts;
  readonly subjects: ReadonlyMap<Subject, SubjectCounts>;
  /** The first differences, by shard and time. */
  readonly findings: readonly Finding[];
  /** Everything in the dead letter topic, redriven or not. */
  readonly deadLetters: readonly DeadLetter[];
  /** What was done about the differences, if that was asked for. */
  readonly repair: RepairSummary | null;
}

/** What an audit was, and what it came to. */
export interface Finished {
  readonly scope: Scope;
  readonly startedAtMs: number;
  readonly finishedAtMs: number;
  readonly maxFindings: number;
  readonly differences: Differences;
  readonly dead: DeadLetters;
  readonly repair: RepairSummary | null;
}

/** The report of an audit that has ended. */
export function reportOf(of: Finished): AuditReport {
  const { scope, startedAtMs, finishedAtMs, maxFindings, differences, dead, repair } = of;
  const count = differences.count();
  return {
    ...scope,
    startedAtMs,
    finishedAtMs,
    verdict: count === 0 ? 'clean' : 'different',
    differences: count,
    read: differences.read(),
    subjects: differences.subjects(),
    findings: differences.findings().slice(0, maxFindings),
    deadLetters: dead.all(),
    repair,
  };
}
