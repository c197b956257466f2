import { backOffMs } from '@kandle/runtime/back-off';
import type { Message } from './messages.ts';
import type { Answer, Post } from './post.ts';
import type { RateLimit } from './rate-limit.ts';
import type { Target } from './targets.ts';

/** How the telling of one target ended. `reason` is for people and names no address. */
export type Delivery =
  | { readonly kind: 'sent'; readonly status: number }
  /**
   * `failed`: not now. `refused`: not like this, for its address is wrong or gone, or its key, or it does not
   * take the message. `isUnclear`: a try without an answer may have reached it all the same.
   */
  | {
      readonly kind: 'failed' | 'refused';
      readonly status: number | null;
      readonly isUnclear: boolean;
      readonly reason: string;
    };

/** What a delivery works with. Times are monotonic milliseconds. */
export interface DeliveryDeps {
  readonly post: Post;
  readonly monotonicMs: () => number;
  readonly wallMs: () => number;
  readonly sleep: (ms: number) => Promise<void>;
  /** In [0, 1). */
  readonly random: () => number;
  readonly answerMs: number;
  readonly backOffMs: number;
  readonly maxTries: number;
}

/** The longest pause that a target can ask for: longer ones are cut, and asked for again. */
export const MAX_PAUSE_MS = 300_000;

/**
 * Tells a target, again and again with growing pauses until it answers 2xx or refuses, the tries are spent or
 * the deadline would pass. A pause that the target asks for by `Retry-After` is kept, by every other delivery
 * too.
 */
export async function deliver(
  deps: DeliveryDeps,
  {
    target,
    message,
    limit,
  }: { readonly target: Target; readonly message: Message; readonly limit: RateLimit },
  deadlineMs: number,
): Promise<Delivery> {
  const { post, monotonicMs, sleep } = deps;
  const pauses = { firstMs: deps.backOffMs, maxMs: MAX_PAUSE_MS };
  let last: Exclude<Delivery, { kind: 'sent' }> = {
    kind: 'failed',
    status: null,
    isUnclear: false,
    reason: `${target.name}: its rate limit leaves no turn in time`,
  };
  for (let tries = 0; tries < deps.maxTries; tries++) {
    const waitMs = tries === 0 ? 0 : backOffMs(tries - 1, deps.random(), pauses);
    if (monotonicMs() + waitMs >= deadlineMs) return last;
    await sleep(waitMs);
    const turnMs = limit.take(deadlineMs - 1);
    if (turnMs === null) return last;
    await sleep(turnMs - monotonicMs());
    const timeoutMs = Math.max(1, Math.min(deps.answerMs, Math.ceil(deadlineMs - monotonicMs())));
    const answer = await post(target, message, timeoutMs);
    const verdict = judge(target.name, answer);
    if (verdict.kind === 'sent') return verdict;
    last = { ...verdict, isUnclear: verdict.isUnclear || last.isUnclear };
    if (verdict.kind === 'refused') return last;
    const pauseMs = retryAfterMs(answer, deps.wallMs());
    if (pauseMs !== null) limit.pauseUntil(monotonicMs() + Math.min(pauseMs, MAX_PAUSE_MS));
  }
  return last;
}

/**
 * What an answer means. Of the 4xx, those that pass by themselves are tried again; a redirect is not followed.
 */
function judge(name: string, answer: Answer): Delivery {
  if (answer.kind === 'inside') {
    const reason = `${name}: its address is on this machine or in a private network, and allowInside does not name its host`;
    return { kind: 'refused', status: null, isUnclear: false, reason };
  }
  if (answer.kind === 'no_answer') {
    const { code, isUnreached } = answer;
    return { kind: 'failed', status: null, isUnclear: !isUnreached, reason: `${name}: ${code}` };
  }
  const { status } = answer;
  if (status >= 200 && status < 300) return { kind: 'sent', status };
  const reason = `${name} answered ${status}${MEANINGS.get(status) ?? ''}`;
  const isTemporary = status >= 500 || status < 200 || TEMPORARY.has(status);
  // A gateway's 502 or 504 does not say what the server behind it did.
  if (isTemporary) return { kind: 'failed', status, isUnclear: status === 502 || status === 504, reason };
  return { kind: 'refused', status, isUnclear: false, reason };
}

const TEMPORARY: ReadonlySet<number> = new Set([408, 409, 425, 429]);
const MEANINGS: ReadonlyMap<number, string> = new Map([
  [301, ': redirects are not followed'],
  [302, ': redirects are not followed'],
  [307, ': redirects are not followed'],
  [308, ': redirects are not followed'],
  [401, ': its key is missing or wrong'],
  [403, ': its key is not allowed to'],
  [404, ': there is nothing at its address'],
  [410, ': its address is gone for ever'],
]);

/** The pause that an answer asks for: seconds, also with decimals as Discord sends them, or a date. */
function retryAfterMs(answer: Answer, wallNowMs: number): number | null {
  if (answer.kind !== 'status' || answer.retryAfter === null) return null;
  const text = answer.retryAfter.trim();
  if (/^\d{1,9}(\.\d{1,9})?$/.test(text)) return Math.ceil(Number(text) * 1_000);
  const atMs = Date.parse(text);
  return Number.isNaN(atMs) ? null : Math.max(0, atMs - wallNowMs);
}
