import type { Differences, ReadCounts } from '../compare/differences.ts';
import type { DeadLetter, DeadLetters } from '../read/dead-letters.ts';
import type { RepairSummary } from '../repair/summary.ts';
import type { Scope } from '../values/scope.ts';
import type { Finding, Subject, SubjectCounts } from '../values/tally.ts';
import type { Refused } from './refused.ts';

/**
 * `refused`: nothing differs, but more was refused for its time alone than may be. `nothing checked`: there was
 * no window and no trade to compare, which says nothing.
 */
export type Verdict = 'clean' | 'different' | 'refused' | 'nothing checked';

/** The outcome of an audit. */
export interface AuditReport extends Scope {
  readonly startedAtMs: number;
  readonly finishedAtMs: number;
  readonly verdict: Verdict;
  /** Number of differences, the sum of missing, extra and different. */
  readonly differences: number;
  readonly read: ReadCounts;
  readonly subjects: ReadonlyMap<Subject, SubjectCounts>;
  /** The first differences, by shard and time. */
  readonly findings: readonly Finding[];
  /** Everything in the dead letter topic, redriven or not. */
  readonly deadLetters: readonly DeadLetter[];
  readonly refused: Refused;
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
  readonly refused: Refused;
  readonly repair: RepairSummary | null;
}

/** The report of an audit that has ended. */
export function reportOf(of: Finished): AuditReport {
  const { scope, startedAtMs, finishedAtMs, maxFindings, differences, dead, refused, repair } = of;
  const count = differences.count();
  const subjects = differences.subjects();
  return {
    ...scope,
    startedAtMs,
    finishedAtMs,
    verdict: verdictOf(count, subjects, refused),
    differences: count,
    read: differences.read(),
    subjects,
    findings: differences.findings().slice(0, maxFindings),
    deadLetters: dead.all(),
    refused,
    repair,
  };
}

function verdictOf(
  differences: number,
  subjects: AuditReport['subjects'],
  { ppm, maxPpm }: Refused,
): Verdict {
  if (differences > 0) return 'different';
  if (ppm > maxPpm) return 'refused';
  const checked = (subject: Subject): number => subjects.get(subject)?.checked ?? 0;
  return checked('windows') + checked('trades') === 0 ? 'nothing checked' : 'clean';
}
