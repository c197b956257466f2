import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { freePort } from '@kandle/servers/ports/ports';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { QueryMarket } from './market.ts';

/** The function as a process: probes, its end, a database that is away, a wrong variable. */
export function testProcess({ env }: QueryMarket): void {
  async function startQuery(more: Readonly<Record<string, string>>) {
    const port = await freePort();
    const child = spawn(process.execPath, [join(import.meta.dirname, '../../src/index.ts')], {
      env: { ...env, PORT: String(port), ...more },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    let log = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (log += text));
    return { child, url: `http://127.0.0.1:${port}`, log: () => log };
  }

  test('the function answers probes and questions, and ends in order', async () => {
    const { child, url, log } = await startQuery({});
    await vi.waitFor(() => expect(log()).toContain('"ready"'), 30_000);
    const statuses = await Promise.all(
      ['/health/liveness', '/health/readiness', '/v1/health', '/v1/symbols', '/v1/none'].map(
        async (path) => (await fetch(url + path)).status,
      ),
    );
    expect(statuses).toEqual([200, 200, 200, 200, 404]);
    expect((await fetch(url, { method: 'POST', body: 'x' })).status).toBe(405);
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
  });

  test('it says 503 while the database is away, and names a wrong variable', async () => {
    const away = await startQuery({ CASSANDRA_PORT: String(await freePort()) });
    await vi.waitFor(() => expect(away.log()).toContain('"ready"'), 30_000);
    const response = await fetch(`${away.url}/v1/symbols`);
    expect([response.status, await response.json()]).toEqual([
      503,
      { status: 503, title: 'The database does not answer: try again' },
    ]);
    const wrong = await startQuery({ MAX_IN_FLIGHT: 'many' });
    expect(await once(wrong.child, 'exit')).toEqual([1, null]);
    expect(wrong.log()).toBe('query: Cannot start: MAX_IN_FLIGHT: expected a whole number\n');
  });
}
