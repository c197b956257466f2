import type { Told } from '@kandle/market/notification/told';
import { isConcerned, truthFor } from '@kandle/market/notification/signal-filter';
import {
  decide,
  lastTold,
  type Notice,
  type SignalRecord,
  type Truth,
} from '@kandle/market/notification/signal-record';
import { backOffMs } from '@kandle/runtime/back-off';
import { changeVersioned } from '@kandle/runtime/change-versioned';
import { describeError, PoisonError } from '@kandle/runtime/errors';
import type { Announcement } from './announcement.ts';
import { deliver, type Delivery, type DeliveryDeps } from './deliver.ts';
import { formatMessage } from './messages.ts';
import type { RateLimit } from './rate-limit.ts';
import type { NoticeStore, SignalKey } from './store.ts';
import type { Target } from './targets.ts';

/** A target and the limit that all its deliveries share. */
export interface LimitedTarget {
  readonly target: Target;
  readonly limit: RateLimit;
}

/** What became of a signal at a target, for the metrics; `delayMs` only where it was sent. */
export type NoticeOutcome = 'sent' | 'failed' | 'unclear' | 'refused' | 'skipped';

/** What announcing works with. */
export interface AnnounceDeps extends DeliveryDeps {
  readonly store: NoticeStore;
  readonly targets: readonly LimitedTarget[];
  readonly leaseMs: number;
  readonly onOutcome: (target: Target, outcome: NoticeOutcome, delayMs: number | null) => void;
}

/** Why a signal is not finished at a target: to be tried again, or never as things are. */
export interface Unfinished {
  readonly kind: 'later' | 'never';
  readonly reason: string;
}

/** Tries at a lost race for the record, and at a write whose outcome is unknown. */
const MAX_ATTEMPTS = 5;

/**
 * Tells every target whose belief about a signal is not what it ought to be, each independently of the others.
 *
 * First the claim is written, then the target is called, then the end is written: a crash in between leaves a
 * claim whose lease runs out, and the next delivery of the event takes it over, with the same idempotency key.
 *
 * @returns What is not finished; never throws.
 */
export async function announce(
  deps: AnnounceDeps,
  announcement: Announcement,
  deadlineMs: number,
): Promise<readonly Unfinished[]> {
  const { feed, signal } = announcement;
  const concerned = deps.targets.filter(({ target }) => isConcerned(target.filter, signal));
  if (concerned.length === 0) return [];
  const key = { feed, signalId: signal.id };
  try {
    const { claims, skips, unfinished } = await changeVersioned<SignalRecord, Sorted>({
      action: `decide on signal ${signal.id}`,
      facts: { signal: signal.id },
      maxAttempts: MAX_ATTEMPTS,
      backOff: (attempt) => deps.sleep(backOffMs(attempt, deps.random())),
      read: () => deps.store.read(key),
      // A decision of unknown outcome is not known again: its claims look like another process's, and are
      // waited for.
      change(record) {
        const sorted = sortOut(deps, concerned, record, announcement, deadlineMs);
        const notices = [...sorted.claims, ...sorted.skips].map(({ notice }) => notice);
        if (notices.length === 0) return { kind: 'done', result: sorted };
        const write = () => deps.store.decide(key, record.revision, notices, deps.leaseMs);
        return { kind: 'write', write, result: sorted };
      },
    });
    for (const { target } of skips) deps.onOutcome(target, 'skipped', null);
    const ends = await Promise.all(claims.map((claim) => tell(deps, claim, deadlineMs)));
    return [...unfinished, ...ends.filter((end) => end !== null)];
  } catch (error) {
    return [{ kind: error instanceof PoisonError ? 'never' : 'later', reason: describeError(error) }];
  }
}

interface Claim extends LimitedTarget {
  readonly notice: Notice;
  readonly announcement: Announcement;
  /** An earlier try may have told it: then no failure of this one can say that it was not told. */
  readonly wasUnclear: boolean;
}

interface Sorted {
  readonly claims: readonly Claim[];
  readonly skips: readonly Pick<Claim, 'target' | 'notice'>[];
  readonly unfinished: readonly Unfinished[];
}

/** What is to be done at each target, as the record stands. */
function sortOut(
  deps: AnnounceDeps,
  concerned: readonly LimitedTarget[],
  record: SignalRecord,
  { feed, signal }: Announcement,
  deadlineMs: number,
): Sorted {
  const claims: Claim[] = [];
  const skips: Pick<Claim, 'target' | 'notice'>[] = [];
  const unfinished: Unfinished[] = [];
  for (const { target, limit } of concerned) {
    const known = record.notices.filter((notice) => notice.target === target.name);
    const truth = truthFor(target.filter, signal);
    const decision = decide(known, truth);
    if (decision === 'busy') {
      unfinished.push({ kind: 'later', reason: `${target.name}: somebody is telling it just now` });
    } else if (decision === 'skip') {
      skips.push({ target, notice: noticeOf(deps, target, truth, 'skipped', 0) });
    } else if (decision === 'claim') {
      const before = known.find(({ version }) => version === signal.version);
      const wasUnclear = before?.status === 'claimed' || before?.status === 'unclear';
      if (limit.readyAtMs() < deadlineMs) {
        const notice = noticeOf(deps, target, truth, 'claimed', (before?.attempts ?? 0) + 1);
        const announcement = announcementOf({ feed, signal }, truth, lastTold(known, signal.version));
        claims.push({ target, limit, notice, announcement, wasUnclear });
      } else
        unfinished.push({ kind: 'later', reason: `${target.name}: its rate limit leaves no turn in time` });
    }
  }
  return { claims, skips, unfinished };
}

/** What a target is told: the signal, a correction of what it was told, or that this is gone. */
function announcementOf({ feed, signal }: Announcement, { content }: Truth, told: Told | null): Announcement {
  if (content === null) return { feed, signal: { ...signal, ...told, state: 'retracted' } };
  return told === null ? { feed, signal } : { feed, signal, corrected: told };
}

function noticeOf(
  deps: AnnounceDeps,
  target: Target,
  { version, content }: Truth,
  status: 'claimed' | 'skipped',
  attempts: number,
): Notice {
  const nowMs = deps.wallMs();
  const endedAtMs = status === 'skipped' ? nowMs : null;
  const state = content === null ? 'retracted' : 'active';
  const common = { statusCode: null, reason: '', claimedAtMs: nowMs, delayMs: null };
  return { target: target.name, version, state, content, status, attempts, endedAtMs, ...common };
}

/** Tells one target and writes down how it ended. @returns Why it is not finished, or null if it is. */
async function tell(
  deps: AnnounceDeps,
  { target, limit, notice, announcement, wasUnclear }: Claim,
  deadlineMs: number,
): Promise<Unfinished | null> {
  const key = { feed: announcement.feed, signalId: announcement.signal.id };
  const message = formatMessage(target, announcement);
  const delivery = await deliver(deps, { target, message, limit }, deadlineMs);
  const end = endOf(notice, delivery, {
    nowMs: deps.wallMs(),
    causedAtMs: announcement.signal.causedAtMs,
    wasUnclear,
  });
  deps.onOutcome(target, end.status, end.delayMs);
  try {
    const isWritten = await finish(deps, key, end);
    if (delivery.kind === 'sent') {
      return isWritten
        ? null
        : { kind: 'later', reason: `${target.name}: told, but that is not recorded yet` };
    }
  } catch (error) {
    if (delivery.kind === 'sent') return { kind: 'later', reason: describeError(error) };
  }
  return { kind: delivery.kind === 'refused' ? 'never' : 'later', reason: delivery.reason };
}

function endOf(
  notice: Notice,
  delivery: Delivery,
  { nowMs, causedAtMs, wasUnclear }: { nowMs: number; causedAtMs: number; wasUnclear: boolean },
): Notice & { readonly status: NoticeOutcome } {
  const at = { statusCode: delivery.status, endedAtMs: nowMs };
  if (delivery.kind === 'sent') {
    return { ...notice, ...at, status: 'sent', reason: '', delayMs: nowMs - causedAtMs };
  }
  const status = wasUnclear || delivery.isUnclear ? 'unclear' : delivery.kind;
  return { ...notice, ...at, status, reason: delivery.reason };
}

/** Writes an end; a write whose outcome is unknown is done again, which changes nothing if it had been done. */
async function finish({ store }: AnnounceDeps, key: SignalKey, end: Notice): Promise<boolean> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const outcome = await store.finish(key, end);
    // Lost: for a 2xx somebody wrote one before; for anything else another process has the claim now.
    if (outcome !== 'unknown') return true;
  }
  return false;
}
