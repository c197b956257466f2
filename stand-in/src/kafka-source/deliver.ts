import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DeliveryPlan } from '@kandle/knative/plan';

/** How the sink answered one try. */
export interface Attempt {
  /** Null on a time-out or network error. */
  readonly status: number | null;
  /** The first bytes of the answer; without an answer, what went wrong. */
  readonly body: Buffer;
  /** True if nobody took the connection, so that nobody can have seen the request. */
  readonly isUnreached?: boolean;
}

const agent = new Agent({ keepAlive: true });
/** As much of an answer as a dead letter keeps. */
const MAX_BODY_BYTES = 1_024;

/** As often as this the dispatcher's client goes where a 303 sends it. */
const MAX_REDIRECTIONS = 16;

/** What is asked of a server. */
interface Question {
  readonly method: 'POST' | 'GET';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly timeoutMs: number;
}

/** An answer, and where it sends the client. */
interface Answer extends Attempt {
  readonly location?: string | undefined;
}

/**
 * Posts an event once, as the dispatcher's client does: a 303 is followed as GET, no other redirection is, and
 * the time-out is for the answer to begin: one whose body never ends is waited for without an end.
 *
 * Never throws: a network error or a time-out is an attempt without a status.
 */
export async function post(
  url: string,
  headers: Readonly<Record<string, string>>,
  body: Buffer,
  timeoutMs: number,
): Promise<Attempt> {
  let question: Question = { method: 'POST', url: new URL(url), headers, body, timeoutMs };
  let answer = await ask(question);
  for (let n = 0; n < MAX_REDIRECTIONS && answer.status === 303; n++) {
    const next = URL.parse(answer.location ?? '', question.url.href);
    if (answer.location === undefined || next === null) break;
    question = { ...question, method: 'GET', url: next, body: Buffer.alloc(0) };
    answer = await ask(question);
  }
  const { location: _, ...attempt } = answer;
  return attempt;
}

function ask({ method, url, headers, body, timeoutMs }: Question): Promise<Answer> {
  return new Promise((resolve) => {
    const fail = (error: NodeJS.ErrnoException): void => {
      clearTimeout(timer);
      resolve({
        status: null,
        body: Buffer.from(error.message),
        isUnreached: error.code === 'ECONNREFUSED',
      });
    };
    const length = method === 'GET' ? {} : { 'content-length': body.length };
    const outgoing = request(url, { method, agent, headers: { ...headers, ...length } }, (response) => {
      clearTimeout(timer);
      const chunks: Buffer[] = [];
      let size = 0;
      response.on('data', (chunk: Buffer) => {
        if (size < MAX_BODY_BYTES) chunks.push(chunk);
        size += chunk.length;
      });
      response.on('end', () => {
        const first = Buffer.concat(chunks).subarray(0, MAX_BODY_BYTES);
        resolve({
          status: response.statusCode ?? null,
          body: first,
          location: response.headers.location,
        });
      });
      response.on('error', fail);
    });
    const timer = setTimeout(() => outgoing.destroy(new Error('No answer in time')), timeoutMs);
    outgoing.on('error', fail);
    outgoing.end(body);
  });
}

/** True if KafkaSource tries again after this answer: 5xx, 404, 408, 409, 429, time-outs and network errors. */
export function isRetried(status: number | null): boolean {
  return status === null || status >= 500 || [404, 408, 409, 429].includes(status);
}

/** Milliseconds before the n-th retry (from 1), without jitter or cap, as KafkaSource computes them. */
export function backoffMs(delivery: DeliveryPlan, retryNumber: number): number {
  return delivery.backoffPolicy === 'linear'
    ? delivery.backoffDelayMs * retryNumber
    : delivery.backoffDelayMs * 2 ** retryNumber;
}

/** A shorter back-off counts as none, and without one there is no retry. */
const SHORTEST_BACKOFF_MS = 100;

/**
 * Delivers an event, with retries.
 *
 * @param signal Ends the waiting between tries; the last attempt is returned then, undelivered.
 * @returns The last attempt: below 300 it is delivered, else it is to be given up.
 */
export async function deliver(
  post: () => Promise<Attempt>,
  delivery: DeliveryPlan,
  onRetry: (attempt: Attempt) => void,
  signal: AbortSignal,
): Promise<Attempt> {
  const retry = delivery.backoffDelayMs < SHORTEST_BACKOFF_MS ? 0 : delivery.retry;
  for (let tries = 0; ; tries++) {
    const attempt = await post();
    if (signal.aborted || !isRetried(attempt.status) || tries >= retry) return attempt;
    onRetry(attempt);
    await sleep(backoffMs(delivery, tries + 1), undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return attempt;
  }
}
