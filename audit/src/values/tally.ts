/** The views that are compared, and repaired. */
export const VIEWS = [
  'candles_5s',
  'trades',
  'feed_gaps',
  'candles_1m',
  'candles_5m',
  'candles_1h',
  'candles_1d',
] as const;
/** What is compared with the raw log: tables and topics by their names. */
const SUBJECTS = ['market.raw.v1', 'windows', 'market.candles.v1', ...VIEWS] as const;

/** One of {@link SUBJECTS}. */
export type Subject = (typeof SUBJECTS)[number];

/** Why something was not judged. None of these is a difference. */
export type SkipReason =
  | 'not closed yet'
  | 'not reached yet'
  | 'cut by retention'
  | 'missing in the log'
  | 'changed during the audit'
  | 'dead letter not redriven'
  | 'made of a wrong candle';

/** One difference between what the raw log says and what was found. */
export interface Finding {
  readonly subject: Subject;
  readonly kind: 'missing' | 'extra' | 'different';
  readonly shard: string | null;
  readonly windowStartMs: number | null;
  readonly symbol: string | null;
  /** What is wrong, in a few words: the columns, the batch, the id. */
  readonly what: string;
  readonly expected: string;
  readonly found: string;
  /**
   * How many of what is checked it is about; 0 for one more thing about what another finding counts. Without
   * it, 1.
   */
  readonly count?: number;
}

/** Counts of one subject. */
export interface SubjectCounts {
  checked: number;
  missing: number;
  extra: number;
  different: number;
  readonly skipped: Partial<Record<SkipReason, number>>;
}

/** Collects what a part of the audit saw. */
export interface Tally {
  readonly findings: readonly Finding[];
  check(subject: Subject, count?: number): void;
  skip(subject: Subject, reason: SkipReason, count?: number): void;
  find(finding: Finding): void;
  /**
   * The same with some of its findings turned into skipped ones, for they moved on while they were looked at.
   */
  without(hasMovedOn: (finding: Finding) => boolean): Tally;
  counts(): ReadonlyMap<Subject, SubjectCounts>;
}

/** A tally with nothing in it. */
export function createTally(): Tally {
  const counts = new Map<Subject, SubjectCounts>();
  const findings: Finding[] = [];

  function of(subject: Subject): SubjectCounts {
    let found = counts.get(subject);
    if (found === undefined) {
      found = { checked: 0, missing: 0, extra: 0, different: 0, skipped: {} };
      counts.set(subject, found);
    }
    return found;
  }

  const tally: Tally = {
    findings,
    check(subject, count = 1) {
      of(subject).checked += count;
    },
    skip(subject, reason, count = 1) {
      const { skipped } = of(subject);
      skipped[reason] = (skipped[reason] ?? 0) + count;
    },
    find(finding) {
      findings.push(finding);
      of(finding.subject)[finding.kind] += finding.count ?? 1;
    },
    without(hasMovedOn) {
      const rest = createTally();
      for (const [subject, { checked, skipped }] of counts) {
        rest.check(subject, checked);
        for (const [reason, count] of Object.entries(skipped))
          rest.skip(subject, reason as SkipReason, count);
      }
      for (const finding of findings) {
        if (hasMovedOn(finding)) rest.skip(finding.subject, 'changed during the audit', finding.count ?? 1);
        else rest.find(finding);
      }
      return rest;
    },
    counts: () => counts,
  };
  return tally;
}

/** The sums of several tallies, every subject named. */
export function sumTallies(tallies: Iterable<Tally>): ReadonlyMap<Subject, SubjectCounts> {
  const total = createTally();
  for (const subject of SUBJECTS) total.check(subject, 0);
  for (const tally of tallies) {
    for (const [subject, counts] of tally.counts()) {
      const sum = total.counts().get(subject);
      if (sum === undefined) continue;
      sum.checked += counts.checked;
      sum.missing += counts.missing;
      sum.extra += counts.extra;
      sum.different += counts.different;
      for (const [reason, count] of Object.entries(counts.skipped)) {
        total.skip(subject, reason as SkipReason, count);
      }
    }
  }
  return total.counts();
}
