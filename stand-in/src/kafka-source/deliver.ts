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

/** Posts an event once. Never throws: a network error or a time-out is an attempt without a status. */
export function post(
  url: string,
  headers: Readonly<Record<string, string>>,
  body: Buffer,
  timeoutMs: number,
): Promise<Attempt> {
  return new Promise((resolve) => {
    const fail = (error: NodeJS.ErrnoException): void =>
      resolve({
        status: null,
        body: Buffer.from(error.message),
        isUnreached: error.code === 'ECONNREFUSED',
      });
    const outgoing = request(
      url,
      {
        method: 'POST',
        agent,
        headers: { ...headers, 'content-length': body.length },
        signal: AbortSignal.timeout(timeoutMs),
      },
      (response) => {
        const chunks: Buffer[] = [];
        let size = 0;
        response.on('data', (chunk: Buffer) => {
          if (size < MAX_BODY_BYTES) chunks.push(chunk);
          size += chunk.length;
        });
        response.on('end', () => {
          const first = Buffer.concat(chunks).subarray(0, MAX_BODY_BYTES);
          resolve({ status: response.statusCode ?? null, body: first });
        });
        response.on('error', fail);
      },
    );
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
  for (let tries = 0; ; tries++) {
    const attempt = await post();
    if (signal.aborted || !isRetried(attempt.status) || tries >= delivery.retry) return attempt;
    onRetry(attempt);
    await sleep(backoffMs(delivery, tries + 1), undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return attempt;
  }
}
