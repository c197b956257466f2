import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type ChildOptions, startChild } from './child.ts';
import { readProcessStart } from './process-start.ts';
import { claimFolder, readLiveChildren } from './run-record.ts';
import { superviseServer } from './supervise.ts';

let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kandle-child-'));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A server made of shell, ready when it has made the file `ready`. */
function shell(script: string, differences: Partial<ChildOptions> = {}): ChildOptions {
  return {
    role: 'server',
    command: 'sh',
    args: ['-c', script],
    cwd: folder,
    logFile: join(folder, 'server.log'),
    isReady: async () => existsSync(join(folder, 'ready')),
    readyDeadlineMs: 5_000,
    onProgress: () => undefined,
    signal: new AbortController().signal,
    ...differences,
  };
}

/** A server that is ready at once and stays. */
function startSleeper(signal: AbortSignal): ReturnType<typeof startChild> {
  return startChild(shell('touch ready; exec sleep 300', { signal }));
}

test('startChild() waits for the condition, records the pid and forgets it at the end', async () => {
  const claim = await claimFolder(folder, () => undefined);
  const child = await startChild(shell('echo hello; touch ready; exec sleep 300', { claim }));
  expect(readLiveChildren(folder)).toMatchObject([{ role: 'server', pid: child.pid }]);
  expect(readFileSync(child.logFile, 'utf8')).toBe('hello\n');
  await child.stop();
  expect(await child.exited).toBe('signal SIGTERM');
  expect(readLiveChildren(folder)).toEqual([]);
  claim.release();
});

test('startChild() tells the last error lines and the log when the child ends first', async () => {
  const failure = startChild(shell('echo "ERROR bad setting" >&2; exit 3'));
  await expect(failure).rejects.toMatchObject({ name: 'StartError' });
  await expect(failure).rejects.toThrow(
    /ended while starting \(code 3\)[^]*server\.log[^]*ERROR bad setting/,
  );
});

test('startChild() ends a child that is not ready in time', async () => {
  const failure = startChild(shell('echo $$ > pid; exec sleep 300', { readyDeadlineMs: 300 }));
  await expect(failure).rejects.toThrow('was not ready after 0.3 s');
  expect(readProcessStart(Number(readFileSync(join(folder, 'pid'), 'utf8')))).toBeUndefined();
});

test('startChild() ends the child when it is aborted, with the reason given', async () => {
  const abort = new AbortController();
  const failure = startChild(shell('echo $$ > pid; exec sleep 300', { signal: abort.signal }));
  failure.catch(() => undefined);
  await vi.waitUntil(() => existsSync(join(folder, 'pid')), { timeout: 5_000 });
  abort.abort(new Error('Ctrl-C'));
  await expect(failure).rejects.toThrow('Ctrl-C');
});

test('startChild() says so when there is no such command', async () => {
  await expect(startChild(shell('', { command: join(folder, 'none') }))).rejects.toThrow('ENOENT');
});

test('startChild() moves the log of the last start aside', async () => {
  for (const text of ['first', 'second']) {
    const child = await startChild(shell(`echo ${text}; touch ready; exec sleep 300`));
    await vi.waitUntil(() => readFileSync(child.logFile, 'utf8') !== '');
    await child.kill();
  }
  expect(readFileSync(join(folder, 'server.log'), 'utf8')).toBe('second\n');
  expect(readFileSync(join(folder, 'server.log.1'), 'utf8')).toBe('first\n');
});

test('superviseServer() starts a killed server again and stops it for good', async () => {
  const signal = new AbortController().signal;
  const lines: string[] = [];
  const onProgress = (line: string): void => void lines.push(line);
  const server = await superviseServer(startSleeper, { role: 'server', onProgress, signal });
  const { pid } = server;
  process.kill(pid, 'SIGKILL');
  await vi.waitUntil(() => server.pid !== pid, { timeout: 5_000 });
  expect(lines).toHaveLength(1);
  expect(lines[0]).toContain('ended unexpectedly (signal SIGKILL)');
  const second = server.pid;
  await server.stop();
  expect(readProcessStart(second)).toBeUndefined();
  expect(lines).toHaveLength(1);
});
