import type { SignalState } from '../signal/signal-batch.ts';
import { saysTheSame, type Told } from './told.ts';

/**
 * How one version of a signal stands at one target. `failed`: surely not told, to be tried again. `unclear`: no
 * answer came, it may have been told; to be tried again. `refused`: the target will not have it as it is.
 * `skipped`: there was nothing to tell.
 */
export type NoticeStatus = 'claimed' | 'sent' | 'failed' | 'unclear' | 'refused' | 'skipped';

/** One version of a signal at one target, as the record keeps it. */
export interface Notice {
  readonly target: string;
  readonly version: number;
  /** What it tells: of an active signal, or that it is gone. */
  readonly state: SignalState;
  /** What it tells of an active signal; null in a notice of before this was kept. */
  readonly content: Told | null;
  readonly status: NoticeStatus;
  /** How many times somebody has set out to tell it; whoever wrote the highest number has it. */
  readonly attempts: number;
  readonly statusCode: number | null;
  readonly reason: string;
  readonly claimedAtMs: number;
  /** When it became what it is now, unless claimed. */
  readonly endedAtMs: number | null;
  /** From the trade behind the signal to the target's 2xx. */
  readonly delayMs: number | null;
}

/** A notice as read: whether the lease of its claim still runs, by the database's clock. */
export interface StoredNotice extends Notice {
  readonly isLeased: boolean;
}

/** Everything that is known of one signal. `revision` 0 is a signal that was never decided on. */
export interface SignalRecord {
  readonly revision: number;
  readonly notices: readonly StoredNotice[];
}

/** What one version of a signal is to one target. */
export interface Truth {
  readonly version: number;
  /** What the target ought to believe of the signal; null for nothing. */
  readonly content: Told | null;
  /** True if a target is told that never heard of it. */
  readonly isNews: boolean;
}

/** What is to be done about one version of a signal at one target. */
export type Decision = 'nothing' | 'skip' | 'claim' | 'busy';

/**
 * Decides what a version of a signal is to a target, from all that the record says of the signal at that
 * target.
 *
 * A target is told when what it may believe is not what the version says: news that it was not told of, or was
 * told to be gone; another side, words or numbers than it was told; nothing any more, where it was, or may have
 * been, told of something. An older version than one that was decided on is nothing any more. `busy` is a claim
 * that somebody still works on: to be asked again later.
 */
export function decide(notices: readonly StoredNotice[], truth: Truth): Decision {
  const { version } = truth;
  if (notices.some((notice) => notice.version > version)) return 'nothing';
  if (notices.some((notice) => notice.status === 'claimed' && notice.isLeased)) return 'busy';
  const own = notices.find((notice) => notice.version === version);
  if (own !== undefined) return own.status === 'sent' || own.status === 'skipped' ? 'nothing' : 'claim';
  return beliefsOf(notices).every((belief) => isTrue(belief, truth)) ? 'skip' : 'claim';
}

/**
 * What a target was told last of a signal, before a version: what a correction or a retraction is about. Null
 * if that was nothing, a retraction, or is not known.
 */
export function lastTold(notices: readonly StoredNotice[], version: number): Told | null {
  const [last] = beliefsOf(notices.filter((notice) => notice.version < version));
  return last === 'nothing' || last === undefined ? null : last.content;
}

/** What a target may believe: that there is nothing, or what a notice told it. */
type Belief = 'nothing' | Pick<Notice, 'content'>;

/**
 * Everything that a target may believe, newest first: what was surely sent last, or anything later that may
 * have come.
 */
function beliefsOf(notices: readonly StoredNotice[]): readonly Belief[] {
  const beliefs: Belief[] = [];
  for (const notice of notices.toSorted((a, b) => b.version - a.version)) {
    const mayBeHeard = notice.status === 'sent' || notice.status === 'claimed' || notice.status === 'unclear';
    if (mayBeHeard) beliefs.push(notice.state === 'active' ? notice : 'nothing');
    if (notice.status === 'sent') return beliefs;
  }
  return [...beliefs, 'nothing'];
}

function isTrue(belief: Belief, { content, isNews }: Truth): boolean {
  if (belief === 'nothing') return content === null || !isNews;
  // What was told before contents were kept is taken for the same.
  return content !== null && (belief.content === null || saysTheSame(belief.content, content));
}
