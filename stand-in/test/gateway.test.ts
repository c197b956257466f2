import { request } from 'node:http';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '@kandle/servers/ports/ports';
import { expect, onTestFinished, test, vi } from 'vitest';
import { startGateway } from '../src/serving/gateway.ts';
import { createService } from '../src/serving/service.ts';

const SCRIPT = fileURLToPath(new URL('./serving-function.ts', import.meta.url));

async function setUp(readyAfterMs: number, timeoutMs = 20_000) {
  const folder = mkdtempSync(join(tmpdir(), 'kandle-gateway-'));
  const service = createService(
    {
      name: 'tiny',
      minScale: 0,
      maxScale: 0,
      containerConcurrency: 0,
      targetConcurrency: 70,
      timeoutMs,
      readinessPath: '/health/readiness',
      memoryMb: null,
      env: {},
    },
    {
      spec: async () => {
        const port = await freePort();
        const env = {
          PORT: String(port),
          STARTS_FILE: join(folder, 'starts'),
          READY_AFTER_MS: String(readyAfterMs),
        };
        return {
          name: 'tiny',
          script: SCRIPT,
          port,
          env,
          readinessPath: '/health/readiness',
          logFile: join(folder, 'log'),
        };
      },
      hooks: { onSpawn: () => undefined, onExit: () => undefined },
      idleMs: 200,
      log: () => undefined,
    },
  );
  const gateway = await startGateway(service, await freePort());
  onTestFinished(async () => {
    await gateway.close();
    await service.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  return { service, gateway };
}

test('a request through the gateway wakes a process, which falls asleep again', async () => {
  const { service, gateway } = await setUp(0);
  expect(service.stats().pids).toEqual([]);
  const response = await fetch(gateway.url, { method: 'POST', body: '5' });
  expect([response.status, await response.json()]).toMatchObject([200, { inFlight: 1 }]);
  await vi.waitFor(
    () => expect(service.stats()).toMatchObject({ ready: 0, inFlight: 0, requests: 1 }),
    10_000,
  );
});

test('a client that goes away is no request under way any more', async () => {
  const { service, gateway } = await setUp(0);
  const gone = request(gateway.url, { method: 'POST' }, () => undefined);
  gone.on('error', () => undefined);
  gone.end('60000');
  await vi.waitFor(() => expect(service.stats().inFlight).toBe(1), 10_000);
  gone.destroy();
  await vi.waitFor(() => expect(service.stats().inFlight).toBe(0), 10_000);
});

test('a service that is not ready in time is told as 503', async () => {
  const { gateway } = await setUp(60_000, 500);
  const response = await fetch(gateway.url);
  expect([response.status, await response.text()]).toEqual([
    503,
    'No process of tiny was ready in time: ask again\n',
  ]);
});
