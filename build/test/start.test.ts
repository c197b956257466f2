import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { freePort } from '@kandle/servers/ports/ports';
import { bundleFunction } from '../bundle.ts';

/** The bundle of transform as it runs: what the start leaves out or loads late, nobody misses. */
const folder = mkdtempSync(join(tmpdir(), 'kandle-start-'));
const children: ChildProcess[] = [];
let bundle = '';
let start = '';

beforeAll(async () => {
  bundle = (await bundleFunction('transform', folder)).file;
  start = join(dirname(bundle), 'start.cjs');
});
afterAll(() => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

interface Running {
  readonly errors: () => string;
  ask(
    method: string,
    path: string,
    headers?: Record<string, string>,
    body?: string,
  ): Promise<{ readonly status: number; readonly body: string }>;
  /** Its exit code after SIGTERM. */
  stop(): Promise<unknown>;
}

async function run(script: string, env: Record<string, string> = {}, cwd = folder): Promise<Running> {
  const port = await freePort();
  const child = spawn(process.execPath, [script], {
    cwd,
    // No Kafka: it is asked for behind the first answer.
    env: {
      PORT: String(port),
      KAFKA_BROKERS: '127.0.0.1:1',
      LOG_LEVEL: 'error',
      LOOPBACK_ONLY: 'true',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  const ask: Running['ask'] = (method, path, headers = {}, body = '') =>
    new Promise((resolve, reject) => {
      const sent = request({ port, method, path, headers, host: '127.0.0.1' }, (response) => {
        let text = '';
        response.on('data', (chunk: Buffer) => (text += chunk.toString()));
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text }));
      });
      sent.on('error', reject).end(body);
    });
  await vi.waitFor(
    async () => {
      if (child.exitCode !== null) throw new Error(`It ended: ${errors}`);
      expect((await ask('GET', '/health/readiness')).status).toBe(200);
    },
    { timeout: 20_000, interval: 10 },
  );
  return {
    ask,
    errors: () => errors,
    async stop() {
      child.kill('SIGTERM');
      const [code]: unknown[] = await once(child, 'exit');
      return code;
    },
  };
}

test.concurrent('the bundle alone answers, with probes of ours and none of the runtime routes that are left out', async () => {
  const { ask } = await run(bundle);
  expect((await ask('GET', '/health/liveness')).body).toBe('OK');
  // The runtime would answer these itself, if our boundary let them pass.
  for (const path of ['/metrics', '/', '/health/other']) expect((await ask('GET', path)).status).toBe(404);
  expect((await ask('OPTIONS', '/')).status).toBe(405);
});

test.concurrent('what is loaded late is there when it is used: form bodies are refused, func.yaml is read', async () => {
  const cwd = mkdtempSync(join(folder, 'cwd-'));
  writeFileSync(join(cwd, 'func.yaml'), 'name: [unclosed');
  const { ask, errors } = await run(start, {}, cwd);
  // js-yaml, loaded because there is a file, says what is wrong with it, and the runtime goes on.
  expect(errors()).toContain('YAMLException');
  const event = {
    'ce-specversion': '1.0',
    'ce-id': '1',
    'ce-source': '/x',
    'ce-type': 'io.kandle.trades.raw.v1',
  };
  const form = { ...event, 'content-type': 'application/x-www-form-urlencoded' };
  expect((await ask('POST', '/', form, 'a=1')).status).toBe(415);
  // Through the runtime to our handler: a whole event with data that is no batch.
  const json = { ...event, 'content-type': 'application/json' };
  const answer = await ask('POST', '/', json, '{}');
  expect(answer.status).toBe(422);
  expect(answer.body).toMatch(/^Cannot read the raw batch: /);
});

test.concurrent('start.cjs keeps the compiled code, takes it again, and replaces what V8 refuses', async () => {
  const cache = join(folder, 'code');
  const env = { CODE_CACHE: cache };
  expect(await (await run(start, env)).stop()).toBe(0);
  const written = statSync(cache);
  expect(written.size).toBeGreaterThan(100_000);

  expect(await (await run(start, env)).stop()).toBe(0);
  expect(statSync(cache).ino).toBe(written.ino);

  const code = readFileSync(cache);
  const wrongs = [code.subarray(0, 1_000), Buffer.from('nonsense'), Buffer.alloc(0)];
  await Promise.all(
    wrongs.map(async (wrong, place) => {
      const file = `${cache}-${place}`;
      writeFileSync(file, wrong);
      expect(await (await run(start, { CODE_CACHE: file })).stop()).toBe(0);
      expect(statSync(file).size).toBeGreaterThan(100_000);
    }),
  );
});

test.concurrent('start.cjs runs where nothing can be read or written, and writes nothing unasked', async () => {
  const [unasked, impossible] = await Promise.all([
    run(start),
    run(start, { CODE_CACHE: join(folder, 'nowhere', 'code') }),
  ]);
  expect(await Promise.all([unasked.stop(), impossible.stop()])).toEqual([0, 0]);
  expect(readdirSync(dirname(start)).toSorted()).toEqual(['LICENSES.txt', 'index.cjs', 'start.cjs']);
});
