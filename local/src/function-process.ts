import { type ChildProcess, spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';

/** One process of the pipeline: a function or ingest. */
export interface FunctionSpec {
  readonly name: string;
  /** Its main program, run by this Node. */
  readonly script: string;
  readonly port: number;
  readonly env: Readonly<Record<string, string>>;
  /** File that gets its log lines. */
  readonly logFile: string;
}

/** A running function that is started again when it ends by itself. */
export interface FunctionProcess {
  readonly name: string;
  readonly url: string;
  pid(): number | undefined;
  /** How many times it had to be started again. */
  restarts(): number;
  /** Ends it at once, as a crash would; it is then started again. */
  kill(): void;
  /** SIGTERM, then SIGKILL after a deadline; it is not started again. */
  stop(): Promise<void>;
}

/** What the supervisor tells its owner. */
export interface SupervisorHooks {
  readonly onSpawn: (name: string, pid: number) => void;
  readonly onExit: (name: string, pid: number, expected: boolean) => void;
}

const READY_DEADLINE_MS = 30_000;
const STOP_DEADLINE_MS = 25_000;
const MAX_RESTART_DELAY_MS = 5_000;
/** A process that lived this long starts again without delay. */
const STABLE_MS = 10_000;

/**
 * Starts a function and waits until its readiness probe answers 200.
 *
 * @throws {Error} If it ends before it is ready (bad configuration, busy port): the message names its log.
 */
export async function startFunction(spec: FunctionSpec, hooks: SupervisorHooks): Promise<FunctionProcess> {
  // Held in an object: the compiler cannot see that a callback changes a variable.
  const running: { child: ChildProcess | null } = { child: null };
  let stopping = false;
  let restarts = 0;
  let quickDeaths = 0;
  const url = `http://127.0.0.1:${spec.port}/`;

  function spawnChild(): void {
    const log = openSync(spec.logFile, 'a');
    const started = Date.now();
    // A group of its own: Ctrl-C in the terminal is for the launcher, which stops its functions in order.
    const spawned = spawn(process.execPath, [spec.script], {
      env: { ...inheritedEnv(), ...spec.env },
      stdio: ['ignore', log, log],
      detached: true,
    });
    running.child = spawned;
    const { pid } = spawned;
    if (pid === undefined) return;
    hooks.onSpawn(spec.name, pid);
    spawned.once('exit', () => {
      hooks.onExit(spec.name, pid, stopping);
      running.child = null;
      if (stopping) return;
      quickDeaths = Date.now() - started < STABLE_MS ? quickDeaths + 1 : 0;
      restarts += 1;
      const delayMs = Math.min(MAX_RESTART_DELAY_MS, 50 * 2 ** quickDeaths);
      setTimeout(() => {
        if (!stopping) spawnChild();
      }, delayMs);
    });
  }

  spawnChild();
  const deadline = Date.now() + READY_DEADLINE_MS;
  while (!(await isReady(url))) {
    if (restarts > 0 || Date.now() > deadline) {
      stopping = true;
      running.child?.kill('SIGKILL');
      throw new Error(`Cannot start ${spec.name}: it ended or did not get ready; see ${spec.logFile}`);
    }
    await sleep(50);
  }

  return {
    name: spec.name,
    url,
    pid: () => running.child?.pid,
    restarts: () => restarts,
    kill: () => void running.child?.kill('SIGKILL'),
    async stop() {
      stopping = true;
      const { child } = running;
      if (child === null) return;
      const exited = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_DEADLINE_MS);
      await exited;
      clearTimeout(timer);
    },
  };
}

/** Only what a process needs of the launcher's environment: a function sees its own variables, and no secrets. */
function inheritedEnv(): Record<string, string> {
  return Object.fromEntries(
    ['PATH', 'HOME', 'TZ', 'LANG', 'NODE_OPTIONS'].flatMap((name) => {
      const value = process.env[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

async function isReady(url: string): Promise<boolean> {
  try {
    const response = await fetch(new URL('/health/readiness', url), { signal: AbortSignal.timeout(1_000) });
    await response.arrayBuffer();
    return response.ok;
  } catch {
    return false;
  }
}
