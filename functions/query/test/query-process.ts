import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { freePort } from '@kandle/servers/ports/ports';
import { expect, onTestFinished, vi } from 'vitest';

/** A query process at a port that stays the same when it is started again. */
export interface QueryProcess {
  readonly url: string;
  pid(): number;
  start(): Promise<void>;
  end(signal: NodeJS.Signals): Promise<void>;
}

/** Starts the query function; it is killed when the test has finished. @param nodeOptions Of Node itself. */
export async function startQueryProcess(
  env: Readonly<Record<string, string>>,
  nodeOptions: readonly string[] = [],
): Promise<QueryProcess> {
  const port = await freePort();
  let child: ChildProcess | null = null;
  async function start(): Promise<void> {
    child = spawn(process.execPath, [...nodeOptions, join(import.meta.dirname, '../src/index.ts')], {
      env: { ...env, PORT: String(port) },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let log = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => (log += text));
    await vi.waitFor(() => expect(log).toContain('"ready"'), 30_000);
  }
  onTestFinished(() => void child?.kill('SIGKILL'));
  await start();
  return {
    url: `http://127.0.0.1:${port}`,
    pid: () => child?.pid ?? 0,
    start,
    async end(signal) {
      const exited = child === null ? null : once(child, 'exit');
      child?.kill(signal);
      await exited;
      child = null;
    },
  };
}
