import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/** A process to start: a function, or ingest. */
export interface InstanceSpec {
  readonly name: string;
  /** Its main program, run by this Node. */
  readonly script: string;
  /** Options of Node itself. */
  readonly nodeOptions?: readonly string[];
  readonly port: number;
  readonly env: Readonly<Record<string, string>>;
  readonly readinessPath: string;
  /** File that gets its log lines. */
  readonly logFile: string;
}

/** Told of every process, so that none is left behind. */
export interface ProcessHooks {
  readonly onSpawn: (name: string, pid: number) => void;
  readonly onExit: (name: string, pid: number, expected: boolean) => void;
}

/** A running process of the pipeline. */
export interface Instance {
  readonly url: string;
  readonly pid: number;
  /** Milliseconds from spawn to its probe's first success; rejects if it ends before, or takes 60 s. */
  readonly ready: Promise<number>;
  /** Resolves when the process has ended, however. */
  readonly exited: Promise<void>;
  /** Ends it at once, as a crash would. */
  kill(): void;
  /** SIGTERM, then SIGKILL after a deadline. */
  stop(): Promise<void>;
}

const READY_DEADLINE_MS = 60_000;
const STOP_DEADLINE_MS = 25_000;
const PROBE_EVERY_MS = 10;

/** What must not outlive us, when we end at once. */
const running = new Set<ChildProcess>();
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));

/**
 * Starts a process; it ends with this one, unless this one is killed. @throws {Error} If it cannot even be
 * spawned.
 */
export function startInstance(spec: InstanceSpec, hooks: ProcessHooks): Instance {
  const url = `http://127.0.0.1:${spec.port}/`;
  const startedMs = performance.now();
  const log = openSync(spec.logFile, 'a');
  // A group of its own: Ctrl-C in the terminal is for the launcher, which stops its functions in order.
  const child = spawn(process.execPath, [...(spec.nodeOptions ?? []), spec.script], {
    env: { ...inheritedEnv(), ...spec.env },
    stdio: ['ignore', log, log],
    detached: true,
  });
  closeSync(log);
  const { pid } = child;
  if (pid === undefined) {
    // Without a listener its error would end the launcher.
    child.once('error', () => undefined);
    throw new Error(`Cannot start ${spec.name}: there is no process for it`);
  }
  let expected = false;
  let hasExited = false;
  running.add(child);
  hooks.onSpawn(spec.name, pid);
  const exited = new Promise<void>((resolve) => {
    child.once('exit', () => {
      hasExited = true;
      running.delete(child);
      hooks.onExit(spec.name, pid, expected);
      resolve();
    });
  });

  async function untilReady(): Promise<number> {
    while (!(await isReady(new URL(spec.readinessPath, url)))) {
      if (performance.now() - startedMs > READY_DEADLINE_MS) {
        child.kill('SIGKILL');
        throw new Error(
          `${spec.name} did not get ready in ${READY_DEADLINE_MS / 1_000} s; see ${spec.logFile}`,
        );
      }
      if (hasExited) throw new Error(`${spec.name} ended before it was ready; see ${spec.logFile}`);
      await sleep(PROBE_EVERY_MS);
    }
    return performance.now() - startedMs;
  }

  return {
    url,
    pid,
    ready: untilReady(),
    exited,
    kill: () => void child.kill('SIGKILL'),
    async stop() {
      expected = true;
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_DEADLINE_MS);
      await exited;
      clearTimeout(timer);
    },
  };
}

const INHERITED: ReadonlySet<string> = new Set(['PATH', 'HOME', 'TZ', 'LANG', 'NODE_OPTIONS']);

/**
 * Only what a process needs of the launcher's environment: a function sees its own variables, where to push
 * metrics, and no secrets of others.
 */
function inheritedEnv(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(process.env).flatMap(([name, value]) =>
      value !== undefined && (INHERITED.has(name) || name.startsWith('OTEL_')) ? [[name, value]] : [],
    ),
  );
}

function isReady(probe: URL): Promise<boolean> {
  return new Promise((resolve) => {
    const request = get(probe, { agent: false, timeout: 1_000 }, (response) => {
      response.resume();
      // As the kubelet judges a probe.
      resolve((response.statusCode ?? 500) >= 200 && (response.statusCode ?? 500) < 400);
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(false));
  });
}
