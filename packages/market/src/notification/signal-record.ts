import type { SignalState } from '../signal/signal-batch.ts';

/**
 * How one version of a signal stands at one target. `failed`: surely not told, to be tried again. `unclear`: no
 * answer came, it may have been told; to be tried again. `refused`: the target will not have it as it is. `skipped`:
 * there was nothing to tell.
 */
export type NoticeStatus = 'claimed' | 'sent' | 'failed' | 'unclear' | 'refused' | 'skipped';

/** One version of a signal at one target, as the record keeps it. */
export interface Notice {
  readonly target: string;
  readonly version: number;
  readonly state: SignalState;
  readonly status: NoticeStatus;
  /** How many times somebody has set out to tell it; whoever wrote the highest number has it. */
  readonly attempts: number;
  readonly statusCode: number | null;
  readonly reason: string;
  readonly claimedAtMs: number;
  /** When it became what it is now, unless claimed. */
  readonly settledAtMs: number | null;
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

/** What is to be done about one version of a signal at one target. */
export type Decision = 'nothing' | 'skip' | 'claim' | 'busy';

/**
 * Decides what a version of a signal is to a target, from all that the record says of the signal at that target.
 *
 * A target is told when what it may believe is not what the version says: an active signal that it was not told of,
 * or was told to be gone; a retracted one that it was, or may have been, told of. An older version than one that was
 * decided on is nothing any more. `busy` is a claim that somebody still works on: to be asked again later.
 */
export function decide(
  notices: readonly StoredNotice[],
  { version, state }: Pick<Notice, 'version' | 'state'>,
): Decision {
  if (notices.some((notice) => notice.version > version)) return 'nothing';
  if (notices.some((notice) => notice.status === 'claimed' && notice.isLeased)) return 'busy';
  const own = notices.find((notice) => notice.version === version);
  if (own !== undefined) return own.status === 'sent' || own.status === 'skipped' ? 'nothing' : 'claim';
  const believed = beliefsOf(notices);
  if (state === 'retracted') return believed.has('active') ? 'claim' : 'skip';
  return believed.has('unheard') || believed.has('retracted') ? 'claim' : 'skip';
}

/** What a target may believe of a signal: what was surely sent last, or anything later that may have reached it. */
function beliefsOf(notices: readonly StoredNotice[]): ReadonlySet<SignalState | 'unheard'> {
  const believed = new Set<SignalState | 'unheard'>();
  for (const { status, state } of notices.toSorted((a, b) => b.version - a.version)) {
    if (status === 'sent' || status === 'claimed' || status === 'unclear') believed.add(state);
    if (status === 'sent') return believed;
  }
  return believed.add('unheard');
}
