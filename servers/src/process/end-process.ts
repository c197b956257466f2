import { setTimeout as delay } from 'node:timers/promises';
import { readProcessStart } from './process-start.ts';

/** How long a process may take to end by itself after SIGTERM (Cassandra drains in 3 s on an idle machine). */
const termDeadlineMs = 20_000;

/** How long the kernel may take to remove a process after SIGKILL. */
const killDeadlineMs = 10_000;

/** One process, named so that a recycled pid is never mistaken for it. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly startedAt: string;
}

/** Whether exactly this process still lives. */
export function isAlive(identity: ProcessIdentity): boolean {
  return readProcessStart(identity.pid) === identity.startedAt;
}

/**
 * Ends a process that need not be our child: SIGTERM, and SIGKILL if it is still there after 20 s.
 *
 * @throws {Error} If it outlives SIGKILL by 10 s.
 */
export async function endProcess(identity: ProcessIdentity): Promise<void> {
  signalIfAlive(identity, 'SIGTERM');
  if (await isGone(identity, termDeadlineMs)) return;
  signalIfAlive(identity, 'SIGKILL');
  if (!(await isGone(identity, killDeadlineMs)))
    throw new Error(`Cannot end process ${identity.pid}: it outlived SIGKILL`);
}

function signalIfAlive(identity: ProcessIdentity, signal: NodeJS.Signals): void {
  if (!isAlive(identity)) return;
  try {
    process.kill(identity.pid, signal);
  } catch (error) {
    // Gone between the look and the signal; anything else (EPERM) is for the caller.
    if (isAlive(identity)) throw error;
  }
}

async function isGone(identity: ProcessIdentity, deadlineMs: number): Promise<boolean> {
  const untilMs = performance.now() + deadlineMs;
  while (isAlive(identity)) {
    if (performance.now() > untilMs) return false;
    await delay(50);
  }
  return true;
}
