import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** A server that Debian packages, as a child process with a folder of its own. */
export interface ChildServer {
  readonly folder: string;
  /** Of the process that runs now; 0 if none does. */
  pid(): number;
  /** Starts it, again with the same data after {@link kill}; resolves when it is ready. */
  start(): Promise<void>;
  /** Ends it at once, as `kill -9`. */
  kill(): Promise<void>;
  /** Leaves it without a turn until {@link resume}: it takes connections and answers nothing. */
  pause(): void;
  resume(): void;
  /** Ends it, and removes its data. */
  remove(): Promise<void>;
}

/** How a server is started. */
export interface ChildServerOptions {
  readonly name: string;
  readonly program: string;
  /** Its arguments, and its files made in the folder. */
  readonly args: (folder: string) => readonly string[];
  /** True once it answers. */
  readonly isReady: () => Promise<boolean>;
}

/** A server that does not run yet. */
export function createChildServer({ name, program, args, isReady }: ChildServerOptions): ChildServer {
  const folder = mkdtempSync(join(tmpdir(), `kandle-${name}-`));
  let child: ReturnType<typeof spawn> | null = null;

  async function kill(): Promise<void> {
    if (child === null || child.exitCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
    child = null;
  }

  return {
    folder,
    pid: () => child?.pid ?? 0,
    async start() {
      const started = spawn(program, args(folder), { cwd: folder, stdio: 'ignore' });
      child = started;
      const exited = once(started, 'exit').then(() => {
        throw new Error(`Cannot start ${name}: it has ended`);
      });
      exited.catch(() => undefined);
      while (!(await isReady())) await Promise.race([sleep(20), exited]);
    },
    kill,
    pause: () => void child?.kill('SIGSTOP'),
    resume: () => void child?.kill('SIGCONT'),
    async remove() {
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
