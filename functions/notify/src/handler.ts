import { feedOfShard } from '@kandle/market/event/shard';
import { parseSignalBatch, type Signal } from '@kandle/market/signal/signal-batch';
import { EVENT_TYPES } from '@kandle/market/event/topics';
import { PoisonError, RetryableError } from '@kandle/runtime/errors';
import { parseOrPoison } from '@kandle/runtime/parse';
import type { ReceivedEvent } from '@kandle/runtime/received-event';
import { createRunAll } from '@kandle/runtime/run-all';
import { announce, type AnnounceDeps, type Unfinished } from './announce.ts';

/** The event types that notify takes; indicators share the topic and tell nobody anything. */
export const NOTIFY_TYPES = [EVENT_TYPES.signals, EVENT_TYPES.indicators] as const;

/** What the notify function works with. */
export interface NotifyDeps extends AnnounceDeps {
  /** How long an event may take, milliseconds. */
  readonly budgetMs: number;
  readonly expiryMs: number;
  /** Most signals that are announced at once. */
  readonly concurrency: number;
}

/** Most reasons in an answer. */
const MAX_REASONS = 3;

/**
 * Builds the function that tells the targets of an event's signals. Resolves when every target that wanted one
 * has answered 2xx and that is recorded; the same event again tells nobody a second time.
 */
export function createNotify(deps: NotifyDeps): (event: ReceivedEvent) => Promise<void> {
  return async function notify(event) {
    if (event.type === EVENT_TYPES.indicators || deps.targets.length === 0) return;
    const deadlineMs = deps.monotonicMs() + deps.budgetMs;
    const { shard, signals } = parseOrPoison('signal batch', () => parseSignalBatch(event.data));
    refuseExpired(event, deps);
    const feed = feedOfShard(shard);
    const unfinished: Unfinished[] = [];
    await createRunAll(deps.concurrency)(newestOfEach(signals), async (signal) => {
      unfinished.push(...(await announce(deps, { feed, signal }, deadlineMs)));
    });
    if (unfinished.length > 0) throw errorOf(unfinished, signals.length);
  };
}

/** By when the event was made, not by when its trades were: a replay of last year is new. */
function refuseExpired({ attributes }: ReceivedEvent, { expiryMs, wallMs }: NotifyDeps): void {
  const { time } = attributes;
  const madeMs = typeof time === 'string' ? Date.parse(time) : Number.NaN;
  if (wallMs() - madeMs > expiryMs) {
    throw new PoisonError(`Cannot announce signals: expired, the event was made at ${madeMs}`);
  }
}

function newestOfEach(signals: readonly Signal[]): readonly Signal[] {
  const newest = new Map<string, Signal>();
  for (const signal of signals) {
    if (signal.version > (newest.get(signal.id)?.version ?? 0)) newest.set(signal.id, signal);
  }
  return [...newest.values()];
}

/** What passes by itself is tried again, with all the rest; only what is left of wrong targets is given up. */
function errorOf(unfinished: readonly Unfinished[], count: number): RetryableError | PoisonError {
  const isLater = unfinished.some(({ kind }) => kind === 'later');
  const reasons = [
    ...new Set(unfinished.filter(({ kind }) => (kind === 'later') === isLater).map(({ reason }) => reason)),
  ];
  const more = reasons.length > MAX_REASONS ? `; and ${reasons.length - MAX_REASONS} more` : '';
  const text = `Cannot announce all of ${count} signals: ${reasons.slice(0, MAX_REASONS).join('; ')}${more}`;
  return isLater ? new RetryableError(text) : new PoisonError(text);
}
