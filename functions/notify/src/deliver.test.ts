import type { ServerResponse } from 'node:http';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { signalOf, targetOf } from '../test/signals.ts';
import { type Behaviour, startWebhook, type Webhook } from '../test/webhook.ts';
import { deliver, type DeliveryDeps, MAX_PAUSE_MS } from './deliver.ts';
import { formatMessage } from './messages.ts';
import { postByHttp } from './post.ts';
import { createRateLimit } from './rate-limit.ts';
import type { Target } from './targets.ts';

const BUDGET_MS = 10_000;
let webhook: Webhook;
/** Time that passes only by waiting; what the servers need is real. */
let nowMs = 0;
const sleeps: number[] = [];

beforeEach(async () => {
  webhook = await startWebhook();
  nowMs = 0;
  sleeps.length = 0;
});
afterEach(() => webhook.close());

const DEPS: DeliveryDeps = {
  post: postByHttp,
  monotonicMs: () => nowMs,
  wallMs: () => Date.UTC(2026, 10, 25),
  sleep: async (ms) => {
    if (ms > 0) sleeps.push(ms);
    nowMs += Math.max(0, ms);
  },
  random: () => 1,
  answerMs: 10_000,
  backOffMs: 500,
  maxTries: 4,
};

function tell(
  changes: Partial<Target> = {},
  limit = createRateLimit(targetOf(changes), () => nowMs),
  deps = DEPS,
) {
  const target = targetOf({ url: webhook.url, ...changes });
  const message = formatMessage(target, { feed: 'sim', signal: signalOf() });
  return deliver(deps, { target, message, limit }, BUDGET_MS);
}

const answering =
  (status: number, headers: Record<string, string> = {}, body = ''): Behaviour =>
  (_, response) =>
    response.writeHead(status, headers).end(body);
const hanging: Behaviour = () => undefined;
const cutting: Behaviour = (request) => request.socket.destroy();
const garbage: Behaviour = (request) => request.socket.end('no HTTP at all\r\n\r\n');
/** An answer without an end, as long as anybody reads it. */
const endless: Behaviour = (_, response) => {
  response.writeHead(200);
  pour(response);
};
function pour(response: ServerResponse): void {
  while (!response.destroyed && response.write('x'.repeat(65_536)));
  if (!response.destroyed) response.once('drain', () => pour(response));
}

test.each([200, 201, 202, 204, 299])('deliver() has sent, when the target answers %d', async (status) => {
  webhook.behave(status);
  expect(await tell()).toEqual({ kind: 'sent', status });
  expect(webhook.received).toHaveLength(1);
});

test('deliver() sends body and headers as they are, and the same on every try', async () => {
  webhook.behave(503, 500, 204);
  expect(await tell({ headers: { authorization: 'Bearer x' } })).toEqual({ kind: 'sent', status: 204 });
  const [first, second, third] = webhook.received;
  expect(first?.headers).toMatchObject({
    'content-type': 'application/json',
    authorization: 'Bearer x',
    'idempotency-key': `sim:${signalOf().id}:3:desk`,
  });
  expect(JSON.parse(first?.body ?? '')).toMatchObject({ announcement: 'signal' });
  expect([second?.headers, second?.body]).toEqual([first?.headers, first?.body]);
  expect([third?.headers, third?.body]).toEqual([first?.headers, first?.body]);
  expect(sleeps).toEqual([500, 1_000]);
});

test.each<[string, Behaviour, object]>([
  ['answers 500', 500, { status: 500, isUnclear: false, reason: 'desk answered 500' }],
  ['answers 503', 503, { status: 503, isUnclear: false }],
  ['answers 502 for a server behind it', 502, { status: 502, isUnclear: true }],
  ['answers 408', 408, { status: 408 }],
  ['answers 409', 409, { status: 409 }],
  ['answers 425', 425, { status: 425 }],
  ['cuts the line', cutting, { status: null, isUnclear: true, reason: 'desk: ECONNRESET' }],
  ['answers garbage', garbage, { status: null, isUnclear: true, reason: 'desk: HPE_INVALID_CONSTANT' }],
])('deliver() tries four times and fails for now, when the target %s', async (_, behaviour, end) => {
  webhook.behave(behaviour);
  expect(await tell()).toMatchObject({ kind: 'failed', ...end });
  expect(webhook.received).toHaveLength(4);
});

test('deliver() waits for an answer only so long, when the target hangs', async () => {
  webhook.behave(hanging);
  const limit = createRateLimit(targetOf(), () => nowMs);
  const end = await tell({}, limit, { ...DEPS, answerMs: 100, maxTries: 2 });
  expect(end).toEqual({ kind: 'failed', status: null, isUnclear: true, reason: 'desk: no answer in 100 ms' });
});

test('deliver() stays unclear, when a try without an answer is followed by a 503', async () => {
  webhook.behave(cutting, 503);
  expect(await tell()).toMatchObject({ kind: 'failed', status: 503, isUnclear: true });
});

test('deliver() stays unclear, when a try without an answer is followed by a refusal', async () => {
  webhook.behave(cutting, 410);
  expect(await tell()).toMatchObject({ kind: 'refused', status: 410, isUnclear: true });
});

test('deliver() surely has not told, when nobody listens', async () => {
  const url = webhook.url;
  await webhook.close();
  expect(await tell({ url })).toEqual({
    kind: 'failed',
    status: null,
    isUnclear: false,
    reason: 'desk: ECONNREFUSED',
  });
  webhook = await startWebhook();
});

test.each([400, 401, 403, 404, 405, 410, 413, 415, 422])(
  'deliver() gives up at once and says why, when the target answers %d',
  async (status) => {
    webhook.behave(status);
    expect(await tell()).toEqual({
      kind: 'refused',
      status,
      isUnclear: false,
      reason: expect.stringMatching(new RegExp(`^desk answered ${status}`)),
    });
    expect(webhook.received).toHaveLength(1);
  },
);

test.each([301, 302, 303, 307, 308])(
  'deliver() follows no redirect, when the target answers %d',
  async (status) => {
    const inside = await startWebhook();
    webhook.behave(answering(status, { location: inside.url }));
    expect(await tell()).toMatchObject({ kind: 'refused', status });
    expect(inside.received).toEqual([]);
    await inside.close();
  },
);

test('deliver() has sent, when the body of a 2xx has no end, and reads little of it', async () => {
  webhook.behave(endless);
  expect(await tell()).toEqual({ kind: 'sent', status: 200 });
});

test.each([
  ['seconds', '3', 3_000],
  ['seconds with decimals', '0.75', 750],
  ['a date', 'Wed, 25 Nov 2026 00:00:04 GMT', 4_000],
  ['a date that is over', 'Wed, 25 Nov 2026 00:00:00 GMT', 500],
  ['nonsense', 'soon', 500],
])('deliver() waits as the target asks, when Retry-After is %s', async (_, text, waitedMs) => {
  webhook.behave(answering(429, { 'retry-after': text }), 200);
  expect(await tell()).toEqual({ kind: 'sent', status: 200 });
  expect(nowMs).toBe(waitedMs);
});

test('deliver() leaves the target alone, when Retry-After is beyond its time; a longer pause than five minutes is cut', async () => {
  webhook.behave(answering(429, { 'retry-after': '86400' }));
  const limit = createRateLimit(targetOf(), () => nowMs);
  expect(await tell({}, limit)).toMatchObject({ kind: 'failed', status: 429, isUnclear: false });
  expect(await tell({}, limit)).toMatchObject({ kind: 'failed', status: null, isUnclear: false });
  expect(webhook.received).toHaveLength(1);
  expect(limit.readyAtMs()).toBe(MAX_PAUSE_MS);
});

test('deliver() keeps the rate of the target and waits for its turns, when there are many', async () => {
  const limit = createRateLimit({ ratePerMinute: 60, burst: 2 }, () => nowMs);
  const ends = [];
  for (let n = 0; n < 14; n++) ends.push(await tell({}, limit));
  // Two at once, then one a second until the time of the event is over.
  expect(ends.filter(({ kind }) => kind === 'sent')).toHaveLength(2 + 9);
  expect(ends.at(-1)).toMatchObject({
    kind: 'failed',
    isUnclear: false,
    reason: expect.stringContaining('rate limit'),
  });
  expect(webhook.received).toHaveLength(11);
});

test.each([
  ['an address', (url: string) => url],
  ['a name that DNS leads there', (url: string) => url.replace('127.0.0.1', 'localhost')],
])('deliver() sends nothing inside by %s, unless the target may be there', async (_, write) => {
  const url = write(webhook.url);
  expect(await tell({ url, mayBeInside: false })).toMatchObject({
    kind: 'refused',
    status: null,
    isUnclear: false,
    reason: expect.stringContaining('allowInside') as string,
  });
  expect(webhook.received).toHaveLength(0);
  expect(await tell({ url, mayBeInside: true })).toEqual({ kind: 'sent', status: 200 });
});
