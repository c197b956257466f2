import { Agent, request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import type { IHeaders, KafkaMessage } from 'kafkajs';
import type { DeliveryPlan } from './plan.ts';

/** How the sink answered one try. `status` is null on a time-out or network error. */
export interface Attempt {
  readonly status: number | null;
  readonly body: string;
}

/** Where a record came from. */
export interface Origin {
  readonly topic: string;
  readonly partition: number;
  /** Name of the KafkaSource. */
  readonly source: string;
}

/** The headers of the request that KafkaSource makes of a record: CloudEvents binary mode over HTTP. */
export function requestHeaders(
  message: KafkaMessage,
  { topic, partition, source }: Origin,
): Record<string, string> {
  const headers = textHeaders(message.headers);
  const event: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (name.startsWith('ce_')) event[`ce-${name.slice(3)}`] = value;
  }
  const isEvent = ['ce-specversion', 'ce-id', 'ce-source', 'ce-type'].every(
    (name) => (event[name] ?? '') !== '',
  );
  const position = {
    'ce-knativekafkapartition': String(partition),
    'ce-knativekafkaoffset': message.offset,
  };
  if (isEvent) {
    return { ...event, 'content-type': headers['content-type'] ?? 'application/octet-stream', ...position };
  }
  // A record that is no whole CloudEvent becomes a plain one of KafkaSource's own type.
  return {
    'ce-specversion': '1.0',
    'ce-id': `partition:${partition}/offset:${message.offset}`,
    'ce-source': `/apis/v1/namespaces/kandle/kafkasources/${source}#${topic}`,
    'ce-type': 'dev.knative.kafka.event',
    'ce-subject': `partition:${partition}#${message.offset}`,
    'ce-time': new Date(Number(message.timestamp)).toISOString(),
    'content-type': headers['content-type'] ?? 'application/octet-stream',
    ...position,
  };
}

/** Header values as text. */
export function textHeaders(headers: IHeaders | undefined): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers ?? {}).flatMap(([name, value]) =>
      value === undefined || Array.isArray(value) ? [] : [[name.toLowerCase(), value.toString()]],
    ),
  );
}

const agent = new Agent({ keepAlive: true });
const MAX_BODY_BYTES = 1_024;

/** Posts an event once. Never throws: a network error or a time-out is an attempt without a status. */
export function post(
  url: string,
  headers: Readonly<Record<string, string>>,
  body: Buffer,
  timeoutMs: number,
): Promise<Attempt> {
  return new Promise((resolve) => {
    const fail = (error: Error): void => resolve({ status: null, body: error.message });
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
          const text = Buffer.concat(chunks).subarray(0, MAX_BODY_BYTES).toString('utf8');
          resolve({ status: response.statusCode ?? null, body: text });
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
