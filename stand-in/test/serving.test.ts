import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished, test, vi } from 'vitest';
import { z } from 'zod';
import type { Attempt } from '../src/kafka-source/deliver.ts';
import type { ServicePlan } from '@kandle/knative/plan';
import { createService, type Service } from '../src/serving/service.ts';
import { freePort } from '@kandle/servers/ports/ports';

/** What the stand-in of Serving does for a function, with real processes. */
const SCRIPT = fileURLToPath(new URL('./serving-function.ts', import.meta.url));
const Taken = z.object({ pid: z.number(), inFlight: z.number() });

interface Wishes extends Partial<ServicePlan> {
  readonly idleMs?: number;
  readonly spec?: (port: number) => void;
}

interface Bench {
  readonly service: Service;
  /** Sends a request that takes so long; answers its status, and which process took it. */
  send(takesMs?: number, timeoutMs?: number): Promise<Attempt>;
  /** From now on every process ends as it starts. */
  crashAtStart(crash: boolean): void;
  /** When each process was started. */
  starts(): readonly number[];
  log(): string;
}

function setUp({ idleMs = 60_000, spec, ...wishes }: Wishes = {}): Bench {
  const folder = mkdtempSync(join(tmpdir(), 'kandle-serving-'));
  const [startsFile, crashFile, logFile] = ['starts', 'crash', 'log'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  const plan: ServicePlan = {
    name: 'tiny',
    minScale: 0,
    maxScale: 0,
    containerConcurrency: 0,
    targetConcurrency: 70,
    timeoutMs: 10_000,
    readinessPath: '/health/readiness',
    memoryMb: null,
    env: {},
    ...wishes,
  };
  const service = createService(plan, {
    spec: async () => {
      const port = await freePort();
      spec?.(port);
      const files = { STARTS_FILE: startsFile, CRASH_FILE: crashFile };
      const env = { ...plan.env, ...files, PORT: String(port) };
      return { name: plan.name, script: SCRIPT, port, env, readinessPath: plan.readinessPath, logFile };
    },
    hooks: { onSpawn: () => undefined, onExit: () => undefined },
    idleMs,
    log: () => undefined,
  });
  onTestFinished(async () => {
    await service.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  const read = (file: string): string => {
    try {
      return readFileSync(file, 'utf8');
    } catch {
      return '';
    }
  };
  return {
    service,
    send: (takesMs = 0, timeoutMs = 20_000) => service.request({}, Buffer.from(String(takesMs)), timeoutMs),
    crashAtStart(crash) {
      if (crash) writeFileSync(crashFile, '');
      else rmSync(crashFile, { force: true });
    },
    starts: () =>
      read(startsFile)
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => Number(line.split(' ')[0])),
    log: () => read(logFile),
  };
}

const takenBy = ({ body }: Attempt): z.infer<typeof Taken> => Taken.parse(JSON.parse(body.toString('utf8')));

async function eventually(condition: () => boolean, deadlineMs = 15_000): Promise<void> {
  const deadline = performance.now() + deadlineMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`It did not come true in ${deadlineMs} ms`);
    await sleep(10);
  }
}

const times = <T>(count: number, make: () => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, make));

test('a service has no process until its first request, which waits for a cold start', async () => {
  const { service, send, starts } = setUp();
  await sleep(200);
  expect(service.stats().pids).toEqual([]);
  expect(starts()).toEqual([]);
  const first = await send();
  expect(first.status).toBe(200);
  expect(service.stats()).toMatchObject({ coldStarts: 1, ready: 1, requests: 1, pids: [takenBy(first).pid] });
  expect(service.stats().lastStartMs).toBeGreaterThan(0);
  expect(takenBy(await send()).pid).toBe(takenBy(first).pid);
  expect(service.stats().coldStarts).toBe(1);
});

test('min-scale keeps a process that has nothing to do, and starts another when it dies', async () => {
  const { service } = setUp({ minScale: 1, idleMs: 50 });
  await eventually(() => service.stats().ready === 1);
  const [pid = 0] = service.stats().pids;
  await sleep(300);
  expect(service.stats()).toMatchObject({ pids: [pid], coldStarts: 0 });
  process.kill(pid, 'SIGKILL');
  await eventually(() => service.stats().ready === 1 && service.stats().pids[0] !== pid);
});

test('more processes are started for more requests at once, up to max-scale', async () => {
  const { send } = setUp({ containerConcurrency: 1, targetConcurrency: 0.7, maxScale: 3 });
  const answers = await times(12, () => send(1_000));
  expect(answers.every(({ status }) => status === 200)).toBe(true);
  expect(new Set(answers.map((answer) => takenBy(answer).pid)).size).toBe(3);
});

test('a moment in which many requests come at once starts no further process', async () => {
  const { send, starts } = setUp({ containerConcurrency: 12, targetConcurrency: 8.4, maxScale: 4 });
  await send();
  // For several looks at the average: 30 requests at once, but the process is at rest most of the time.
  for (let burst = 0; burst < 15; burst++) await Promise.all([times(30, () => send(10)), sleep(200)]);
  expect(starts()).toHaveLength(1);
});

test('one process is enough for requests below the target', async () => {
  const { send, starts } = setUp({ containerConcurrency: 12, targetConcurrency: 8.4 });
  await times(8, () => send(100));
  expect(starts()).toHaveLength(1);
});

test('a process never has more requests under way than containerConcurrency', async () => {
  const { send } = setUp({ containerConcurrency: 3, targetConcurrency: 2.1, maxScale: 2 });
  const answers = await times(24, () => send(40));
  expect(answers.every(({ status }) => status === 200)).toBe(true);
  expect(Math.max(...answers.map((answer) => takenBy(answer).inFlight))).toBe(3);
});

test('without containerConcurrency a process takes all requests at once', async () => {
  const { send } = setUp({ maxScale: 1 });
  const answers = await times(30, () => send(200));
  expect(Math.max(...answers.map((answer) => takenBy(answer).inFlight))).toBe(30);
});

test('an idle service goes to zero by SIGTERM, and the next request starts it again', async () => {
  const { service, send, log } = setUp({ idleMs: 150 });
  const first = takenBy(await send());
  await eventually(() => service.stats().pids.length === 0);
  expect(log()).toBe('SIGTERM with 0 under way\n');
  expect(service.stats()).toMatchObject({ ready: 0, crashes: 0 });
  expect(takenBy(await send()).pid).not.toBe(first.pid);
  expect(service.stats().coldStarts).toBe(2);
});

test('a process is not idle while a request takes longer than the idle time', async () => {
  const { send, starts } = setUp({ idleMs: 50 });
  expect((await send(500)).status).toBe(200);
  expect(starts()).toHaveLength(1);
});

test('a process that only a burst needed ends, while the others go on working', async () => {
  const { service, send } = setUp({ targetConcurrency: 3, idleMs: 300 });
  const burst = Promise.all(Array.from({ length: 6 }, () => send(3_000)));
  await vi.waitFor(() => expect(service.stats().ready).toBeGreaterThan(1), { timeout: 20_000, interval: 10 });
  // Two at a time, without a pause: one process can do that, and spread over two none would ever be idle.
  const over = new AbortController();
  const work = async (): Promise<void> => {
    while (!over.signal.aborted) await send(50);
  };
  const working = [work(), work()];
  try {
    await burst;
    await vi.waitFor(() => expect(service.stats().pids).toHaveLength(1), { timeout: 20_000, interval: 50 });
  } finally {
    over.abort();
    await Promise.all(working);
  }
  expect(service.stats().crashes).toBe(0);
});

test('a process that only a burst needed ends, though moments reach it in which much comes at once', async () => {
  const { service, send } = setUp({ containerConcurrency: 3, targetConcurrency: 2.1, idleMs: 300 });
  const burst = times(12, () => send(1_000));
  await eventually(() => service.stats().ready > 1);
  await burst;
  const rounds = async (): Promise<void> => {
    // Six at once fill two processes, and are over long before the next six.
    while (service.stats().pids.length > 1) await Promise.all([times(6, () => send(10)), sleep(200)]);
  };
  await rounds();
  expect((await times(6, () => send(10))).every(({ status }) => status === 200)).toBe(true);
  expect(service.stats().crashes).toBe(0);
});

test('scaling down leaves min-scale', async () => {
  const { service, send } = setUp({
    minScale: 1,
    containerConcurrency: 1,
    targetConcurrency: 0.7,
    idleMs: 150,
  });
  const sent = times(4, () => send(1_000));
  await eventually(() => service.stats().pids.length > 1);
  await sent;
  await eventually(() => service.stats().pids.length === 1);
  await sleep(300);
  expect(service.stats().pids).toHaveLength(1);
});

test('stop() lets a running request end, and takes no new one', async () => {
  const { service, send, log } = setUp();
  await send();
  const running = send(400);
  await eventually(() => service.stats().inFlight === 1);
  const stopped = service.stop();
  expect((await send()).status).toBe(503);
  expect((await running).status).toBe(200);
  await stopped;
  expect(log()).toBe('SIGTERM with 1 under way\n');
  expect(service.stats().pids).toEqual([]);
});

test('stop() answers a request at once that still waits for a process', async () => {
  const { service, send } = setUp({ env: { NEVER_READY: '1' } });
  const waiting = send(0, 60_000);
  await eventually(() => service.stats().starting === 1);
  await service.stop();
  expect((await waiting).status).toBe(503);
});

test('a function that crashes at its start is started again, each time later, while requests wait', async () => {
  const { service, send, crashAtStart, starts } = setUp();
  crashAtStart(true);
  const answer = send();
  await eventually(() => starts().length >= 4);
  crashAtStart(false);
  expect((await answer).status).toBe(200);
  const gaps = starts()
    .slice(1, 4)
    .map((startMs, n) => startMs - (starts()[n] ?? 0));
  for (const [n, delayMs] of [100, 200, 400].entries()) expect(gaps[n]).toBeGreaterThanOrEqual(delayMs);
  expect(service.stats().crashes).toBeGreaterThanOrEqual(3);
});

test('a function that crashes soon after it was ready is started again each time later', async () => {
  const { service, starts } = setUp({ minScale: 1 });
  for (let crash = 1; crash <= 3; crash++) {
    await eventually(() => service.stats().ready === 1 && starts().length === crash);
    process.kill(service.stats().pids[0] ?? 0, 'SIGKILL');
    await eventually(() => service.stats().crashes === crash);
  }
  await eventually(() => starts().length === 4);
  expect((starts()[3] ?? 0) - (starts()[2] ?? 0)).toBeGreaterThanOrEqual(400);
});

test('a function that crashes is not started again, when nothing asks for it', async () => {
  const { service, send, starts } = setUp();
  const { pid } = takenBy(await send());
  process.kill(pid, 'SIGKILL');
  await eventually(() => service.stats().crashes === 1);
  await sleep(400);
  expect(starts()).toHaveLength(1);
});

test('a process that cannot even be spawned is tried again', async () => {
  let tries = 0;
  const { send } = setUp({
    spec: () => {
      tries += 1;
      if (tries <= 2) throw new Error('no port is free');
    },
  });
  expect((await send()).status).toBe(200);
  expect(tries).toBe(3);
});

test('a request fails whose process is killed, and the next one works', async () => {
  const { service, send } = setUp();
  const { pid } = takenBy(await send());
  const cut = send(10_000);
  await eventually(() => service.stats().inFlight === 1);
  process.kill(pid, 'SIGKILL');
  expect((await cut).status).toBeNull();
  // The line may break a moment before the system says that the process is gone.
  await eventually(() => !service.stats().pids.includes(pid));
  expect(takenBy(await send()).pid).not.toBe(pid);
});

test('kill() ends every process as a crash does', async () => {
  const { service, send } = setUp({ containerConcurrency: 1, targetConcurrency: 0.7 });
  const sent = times(2, () => send(1_500));
  await eventually(() => service.stats().ready >= 2);
  await sent;
  const killed = service.stats().pids;
  service.kill();
  await eventually(() => !service.stats().pids.some((pid) => killed.includes(pid)));
  expect(service.stats().crashes).toBeGreaterThanOrEqual(2);
});

test('no request is handed to a process before its readiness probe succeeds', async () => {
  const { send, starts } = setUp({ env: { READY_AFTER_MS: '700' } });
  const first = send();
  await eventually(() => starts().length === 1);
  // It listens by now, and would answer 500 to what comes too early.
  await sleep(300);
  const answers = await Promise.all([first, send()]);
  expect(answers.map(({ status }) => status)).toEqual([200, 200]);
  expect(starts()).toHaveLength(1);
});

test('a request that takes longer than the time-out of the service gets a 504', async () => {
  const { send } = setUp({ timeoutMs: 300 });
  const answer = await send(5_000);
  expect(answer.status).toBe(504);
  expect((await send()).status).toBe(200);
});

test('a request gives up without a status, when no process gets ready in its time', async () => {
  const { service, send } = setUp({ env: { NEVER_READY: '1' } });
  const startedMs = performance.now();
  const answer = await send(0, 400);
  expect(answer.status).toBeNull();
  // A timer may fire a moment before its time.
  expect(performance.now() - startedMs).toBeGreaterThan(0.9 * 400);
  expect(service.stats().requests).toBe(1);
});

test('a request gives up without a status, when every process is taken in its time', async () => {
  const { send } = setUp({ containerConcurrency: 1, targetConcurrency: 0.7, maxScale: 1 });
  const long = send(1_500);
  await sleep(50);
  expect((await send(0, 300)).status).toBeNull();
  expect((await long).status).toBe(200);
});
