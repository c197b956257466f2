import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdirSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { boundLog, openLog, readLogTail } from './log-file.ts';
import type { OnProgress } from '../on-progress.ts';
import type { FolderClaim } from './run-record.ts';
import { StartError } from '@kandle/tooling/start-error';

/** Cassandra drains in 3 s on an idle machine; a busy one may take longer. */
const stopDeadlineMs = 30_000;
const pollEveryMs = 100;
const progressEveryMs = 2_000;

/** A server process, and how to know that it is ready. */
export interface ChildOptions {
  /** Name for people and for the record, such as `kafka`. */
  readonly role: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Working folder, created if missing. */
  readonly cwd: string;
  readonly logFile: string;
  /** Asked again and again until true: a real answer of the server, never a time. Must not throw. */
  readonly isReady: () => Promise<boolean>;
  readonly readyDeadlineMs: number;
  readonly onProgress: OnProgress;
  readonly signal: AbortSignal;
  /** Where the pid is recorded, so that no kill -9 of ours leaves it running for ever. */
  readonly claim?: FolderClaim | undefined;
}

/** A server process that is ready. */
export interface ServerChild {
  readonly pid: number;
  readonly logFile: string;
  /** Resolves to how it ended (`code 1`, `signal SIGKILL`), whoever ended it. */
  readonly exited: Promise<string>;
  /** SIGTERM, SIGKILL if it is still there after 30 s; resolves when it is gone. Idempotent. */
  stop(): Promise<void>;
  /** SIGKILL, as a crash would be; resolves when it is gone. */
  kill(): Promise<void>;
}

/**
 * Starts a server process and waits until it answers.
 *
 * It runs in a process group of its own: Ctrl-C reaches us only, and we end things in order.
 *
 * @throws {StartError} With its last log lines if it ends first or is not ready in time; it is gone then.
 * @throws The reason of `signal` once it is aborted; it is gone then.
 */
export async function startChild(options: ChildOptions): Promise<ServerChild> {
  const { role, logFile, signal } = options;
  signal.throwIfAborted();
  mkdirSync(options.cwd, { recursive: true });
  const log = openLog(logFile);
  const process_ = spawn(options.command, options.args, {
    cwd: options.cwd,
    stdio: ['ignore', log, log],
    detached: true,
  });
  closeSync(log);
  const child = wrap(process_, options);
  try {
    await waitUntilReady(child, options);
    return child;
  } catch (error) {
    await child.kill();
    if (error instanceof StartError) {
      throw new StartError(`${error.message} Its log is ${logFile}:\n${await readLogTail(logFile)}`, {
        cause: error,
      });
    }
    throw error;
  }

  function wrap(spawned: ChildProcess, { claim }: ChildOptions): ServerChild {
    const unbound = boundLog(logFile);
    const killNow = (): void => void spawned.kill('SIGKILL');
    process.once('exit', killNow);
    if (spawned.pid !== undefined) claim?.recordChild(role, spawned.pid);
    const exited = new Promise<string>((resolve) => {
      spawned.once('error', (error) => resolve(error.message));
      spawned.once('exit', (code, by) => resolve(by === null ? `code ${code}` : `signal ${by}`));
    }).finally(() => {
      unbound();
      process.removeListener('exit', killNow);
      if (spawned.pid !== undefined) claim?.forgetChild(spawned.pid);
    });
    return {
      pid: spawned.pid ?? 0,
      logFile,
      exited,
      async stop() {
        spawned.kill('SIGTERM');
        const timer = setTimeout(killNow, stopDeadlineMs);
        await exited;
        clearTimeout(timer);
      },
      async kill() {
        killNow();
        await exited;
      },
    };
  }
}

async function waitUntilReady(child: ServerChild, options: ChildOptions): Promise<void> {
  const { role, signal, readyDeadlineMs, onProgress } = options;
  let ended: string | undefined;
  void child.exited.then((how) => (ended = how));
  const startedMs = performance.now();
  let toldMs = startedMs;
  while (!(await options.isReady())) {
    signal.throwIfAborted();
    if (ended !== undefined) throw new StartError(`${role} ended while starting (${ended}).`);
    const nowMs = performance.now();
    if (nowMs - startedMs > readyDeadlineMs)
      throw new StartError(`${role} was not ready after ${seconds(readyDeadlineMs)}.`);
    if (nowMs - toldMs > progressEveryMs) {
      onProgress(`  ${role} is starting (${seconds(nowMs - startedMs)}) …`);
      toldMs = nowMs;
    }
    await delay(pollEveryMs, undefined, { signal }).catch(() => signal.throwIfAborted());
  }
  signal.throwIfAborted();
  // Something answered on the port, but was it ours? Two servers may have raced for it.
  if (ended !== undefined) throw new StartError(`${role} ended while starting (${ended}).`);
  onProgress(`  ${role} is ready after ${seconds(performance.now() - startedMs)} (pid ${child.pid})`);
}

function seconds(durationMs: number): string {
  return `${(durationMs / 1000).toFixed(1)} s`;
}
