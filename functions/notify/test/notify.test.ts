import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { EVENT_TYPES } from '@kandle/market/event/topics';
import type { FunctionProcess } from '@kandle/testkit/function-process';
import { useTestKeyspace } from '@kandle/testkit/test-keyspace';
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest';
import { sendUntilTaken, startNotify } from './process.ts';
import { eventOf, signalOf } from './signals.ts';
import { startWebhook, type Webhook } from './webhook.ts';

const { client, env } = useTestKeyspace('notify');
const folder = mkdtempSync(join(tmpdir(), 'kandle-notify-'));
const running: FunctionProcess[] = [];
let desk: Webhook;
let phone: Webhook;
let symbols = 0;

afterAll(() => rmSync(folder, { recursive: true }));
beforeEach(async () => {
  [desk, phone] = [await startWebhook(), await startWebhook()];
});
afterEach(async () => {
  for (const process of running.splice(0)) await process.kill();
  await Promise.all([desk.close(), phone.close()]);
});

/** Claims hold for 2 + 5 s: a process that takes the place of a dead one need not wait long. */
const HASTY = { BUDGET_MS: '2000', ANSWER_MS: '1000' };

/**
 * The real process with the two targets, and with time enough that only a fault could make one be told again.
 */
async function start(
  deskOptions: object = {},
  changes: Record<string, string> = {},
): Promise<FunctionProcess> {
  const file = join(folder, 'targets.json');
  writeFileSync(join(folder, 'desk-url'), desk.url);
  const targets = [
    { name: 'desk', kind: 'slack', url: { file: 'desk-url' }, ...deskOptions },
    { name: 'phone', kind: 'json', url: phone.url },
  ];
  writeFileSync(file, JSON.stringify({ allowInside: ['127.0.0.1'], targets }));
  const settings = { TARGETS_FILE: file, BUDGET_MS: '40000', ANSWER_MS: '40000', BACK_OFF_MS: '50' };
  const process = await startNotify({ ...env, ...settings, ...changes });
  running.push(process);
  return process;
}

/** A signal that no other test has. */
function freshSignal(changes: Parameters<typeof signalOf>[0] = {}) {
  symbols += 1;
  return signalOf({ symbol: `S${symbols}`, ...changes });
}

async function recordOf(signalId: string) {
  const rows = await client.execute(
    "SELECT target, version, status, attempts, status_code, delay_ms FROM notifications WHERE feed = 'sim' AND signal_id = ?",
    [signalId],
    { prepare: true },
  );
  return rows.rows.map((row) => ({
    target: String(row['target']),
    version: Number(row['version']),
    status: String(row['status']),
    attempts: Number(row['attempts']),
  }));
}

const SENT = { version: 3, status: 'sent', attempts: 1 };

test('notify announces a signal once, when its event comes five times', async () => {
  const notify = await start();
  const signal = freshSignal({ causedAtMs: Date.now() - 250 });
  for (let n = 0; n < 5; n++) expect(await notify.send(eventOf([signal]))).toBe(204);
  expect([desk.received.length, phone.received.length]).toEqual([1, 1]);
  expect(await recordOf(signal.id)).toEqual([
    { target: 'desk', ...SENT },
    { target: 'phone', ...SENT },
  ]);
  const delay = await client.execute(
    "SELECT delay_ms FROM notifications WHERE feed = 'sim' AND signal_id = ? AND target = 'desk'",
    [signal.id],
    { prepare: true },
  );
  expect(Number(delay.first()?.['delay_ms'])).toBeGreaterThanOrEqual(250);
  expect(notify.log()).not.toContain('s3cret');
});

test('notify announces each signal once, when two processes get five copies of an event at the same time', async () => {
  const first = await start();
  const processes = [first, await start()];
  const signals = Array.from({ length: 10 }, () => freshSignal());
  await Promise.all(
    Array.from({ length: 5 }, (_, n) => sendUntilTaken(processes[n % 2] ?? first, eventOf(signals))),
  );
  for (const webhook of [desk, phone]) {
    const keys = webhook.received.map(({ headers }) => headers['idempotency-key']);
    expect(new Set(keys).size).toBe(10);
    expect(keys).toHaveLength(10);
  }
  for (const { id } of signals)
    expect((await recordOf(id)).map(({ status }) => status)).toEqual(['sent', 'sent']);
});

test('notify announces with the same key, when it was killed between the POST and the record', async () => {
  const first = await start({}, HASTY);
  const signals = [freshSignal(), freshSignal(), freshSignal()];
  let killed: Promise<void> | undefined;
  desk.behave((request) => {
    killed ??= first.kill();
    request.socket.on('error', () => undefined);
  });
  expect(await first.send(eventOf(signals))).toBeNull();
  await killed;
  const before = desk.received.map(({ headers }) => headers['idempotency-key']);
  expect(before.length).toBeGreaterThanOrEqual(1);
  desk.behave(200);
  const second = await start();
  const statuses = await sendUntilTaken(second, eventOf(signals));
  expect(statuses.at(-1)).toBe(204);
  // Until the lease of the dead process is over, nobody takes its place.
  expect(statuses[0]).toBe(503);
  const keys = desk.received.map(({ headers }) => headers['idempotency-key']);
  expect(new Set(keys)).toEqual(new Set(signals.map(({ id }) => `sim:${id}:3:desk`)));
  expect(keys.slice(before.length)).toEqual(expect.arrayContaining(before));
  for (const { id } of signals) {
    expect((await recordOf(id)).map(({ target, status }) => [target, status])).toEqual([
      ['desk', 'sent'],
      ['phone', 'sent'],
    ]);
  }
});

test('notify announces once, when it was killed between the claim and the POST', async () => {
  // One turn in 1.5 s: of two signals, the second one's claim waits for its turn.
  const first = await start({ ratePerMinute: 40, burst: 1 }, HASTY);
  const signals = [freshSignal(), freshSignal()];
  const sent = first.send(eventOf(signals));
  await desk.hasReceived(1);
  const claimed = async () =>
    (await Promise.all(signals.map(({ id }) => recordOf(id))))
      .flat()
      .filter(({ target, status }) => target === 'desk' && status === 'claimed').length;
  while ((await claimed()) === 0) await sleep(20);
  await first.kill();
  expect(await sent).toBeNull();
  expect(desk.received).toHaveLength(1);
  const second = await start();
  expect((await sendUntilTaken(second, eventOf(signals))).at(-1)).toBe(204);
  for (const { id } of signals) {
    expect((await recordOf(id)).map(({ status }) => status)).toEqual(['sent', 'sent']);
    const keys = desk.received.map(({ headers }) => headers['idempotency-key']);
    expect(keys).toContain(`sim:${id}:3:desk`);
  }
});

test('notify tells the good target once, when the other one fails until it is well again', async () => {
  const notify = await start();
  const signal = freshSignal();
  desk.behave(500);
  expect(await notify.send(eventOf([signal]))).toBe(503);
  expect(await notify.send(eventOf([signal]))).toBe(503);
  desk.behave(204);
  expect(await notify.send(eventOf([signal]))).toBe(204);
  expect(phone.received).toHaveLength(1);
  expect(await recordOf(signal.id)).toEqual([
    { target: 'desk', ...SENT, attempts: 3 },
    { target: 'phone', ...SENT },
  ]);
});

test('notify answers 422 with the name of the target and no more, when it is gone; a redrive after the repair tells it', async () => {
  const notify = await start();
  const signal = freshSignal();
  desk.behave(410);
  expect(await notify.send(eventOf([signal]))).toBe(422);
  expect(notify.log()).toContain('desk answered 410: its address is gone for ever');
  expect(notify.log()).not.toContain('s3cret');
  expect((await recordOf(signal.id)).map(({ status }) => status)).toEqual(['refused', 'sent']);
  desk.behave(200);
  expect(await notify.send(eventOf([signal]))).toBe(204);
  expect([desk.received.length, phone.received.length]).toEqual([2, 1]);
});

test('notify takes a signal back only from whom it had told', async () => {
  const notify = await start({ filter: { minStrength: 0.9 } });
  const signal = freshSignal();
  const retracted = { ...signal, state: 'retracted', version: 5, strength: 0 } as const;
  expect(await notify.send(eventOf([signal]))).toBe(204);
  for (let n = 0; n < 3; n++) expect(await notify.send(eventOf([retracted]))).toBe(204);
  expect(desk.received).toEqual([]);
  expect(phone.received.map(({ body }) => JSON.parse(body) as unknown)).toMatchObject([
    { announcement: 'signal' },
    { announcement: 'retraction' },
  ]);
  expect(await notify.send(eventOf([signal]))).toBe(204);
  expect(phone.received).toHaveLength(2);
});

test('notify answers 204 and tells nobody, when the event holds indicators, or there is no target', async () => {
  const notify = await start();
  const indicators = { ...eventOf([freshSignal()]), type: EVENT_TYPES.indicators };
  expect(await notify.send({ ...indicators, data: { anything: true } })).toBe(204);
  const lonely = await startNotify({ ...env, TARGETS_FILE: join(folder, 'absent.yaml') });
  running.push(lonely);
  expect(await lonely.send(eventOf([freshSignal()]))).toBe(204);
  expect(lonely.log()).toContain('no targets');
  expect([desk.received, phone.received]).toEqual([[], []]);
});

test('notify refuses an event that is malformed, or older than its record can be', async () => {
  const notify = await start();
  const event = eventOf([freshSignal()]);
  expect(await notify.send({ ...event, data: { signals: 'none' } })).toBe(422);
  const old = new Date(Date.now() - 15 * 86_400_000).toISOString();
  expect(await notify.send(eventOf([freshSignal()], { time: old }))).toBe(422);
  expect(await notify.send(eventOf([freshSignal()], { time: new Date().toISOString() }))).toBe(204);
  expect(desk.received).toHaveLength(1);
});

test('notify sends CloudEvents to what a SinkBinding names, with its extensions', async () => {
  const settings = { K_SINK: desk.url, K_CE_OVERRIDES: '{"extensions": {"team": "desk"}}' };
  const notify = await startNotify({ ...env, ...settings });
  running.push(notify);
  const signal = freshSignal({ symbol: `IC MARKETS:${Date.now()}` });
  expect(await notify.send(eventOf([signal]))).toBe(204);
  const [{ headers, body } = { headers: {}, body: '' }, ...others] = desk.received;
  expect(others).toEqual([]);
  expect(headers).toMatchObject({
    'ce-specversion': '1.0',
    'ce-type': 'io.kandle.signal.v1',
    'ce-source': '/feeds/sim',
    'ce-subject': signal.symbol.replace(' ', '%20'),
    'ce-team': 'desk',
    'content-type': 'application/json',
  });
  expect(JSON.parse(body)).toEqual({ feed: 'sim', ...signal });
  expect(await recordOf(signal.id)).toEqual([{ target: 'sink', ...SENT }]);
});
