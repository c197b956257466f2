import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { readProcessStart } from '@kandle/servers/process/process-start';

const INSTANCE = new URL('./instance.ts', import.meta.url).href;

test('startInstance() leaves no process behind, when the launcher ends at once', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'kandle-instance-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const script = join(folder, 'function.mjs');
  // Deaf to SIGTERM, as a function that hangs.
  writeFileSync(script, `process.on('SIGTERM', () => {}); setInterval(() => {}, 1_000);`);
  const spec = {
    name: 'deaf',
    script,
    port: 1,
    env: {},
    readinessPath: '/',
    logFile: join(folder, 'log'),
  };
  const launcher = spawn(
    process.execPath,
    [
      '--input-type=module',
      '--eval',
      `import { startInstance } from ${JSON.stringify(INSTANCE)};
       const { pid, ready } = startInstance(${JSON.stringify(spec)}, { onSpawn() {}, onExit() {} });
       ready.catch(() => {});
       process.stdout.write(String(pid));
       process.stdin.once('data', () => process.exit(130));`,
    ],
    { stdio: ['pipe', 'pipe', 'inherit'] },
  );
  onTestFinished(() => void launcher.kill('SIGKILL'));
  const pid = Number((await once(launcher.stdout, 'data'))[0]);
  onTestFinished(() => {
    if (readProcessStart(pid) !== undefined) process.kill(pid, 'SIGKILL');
  });
  expect(readProcessStart(pid)).toBeDefined();
  launcher.stdin.end('now');
  expect(await once(launcher, 'exit')).toEqual([130, null]);
  await vi.waitUntil(() => readProcessStart(pid) === undefined, { timeout: 30_000 });
});
