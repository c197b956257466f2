import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** How long it sleeps by the wall clock. */
export const SLEEP_MS = 600_000;
/** How long its processes stand still indeed. */
const STOPPED_MS = 3_000;
const HEARD_MS = 200;
const PRELOAD = fileURLToPath(new URL('../clock-shift.ts', import.meta.url));

/** A laptop that can be closed: nothing runs, the wall clock goes on, the monotonic one stands. */
export interface Machine {
  /** Variables of a process that starts now. */
  env(): Readonly<Record<string, string>>;
  /**
   * Closes it for ten minutes and opens it again.
   *
   * @param processes Pids: those of `shifted` were started with `env()`, the others have no clock to shift.
   * @param meanwhile What the world does while it sleeps.
   */
  sleep(
    processes: { readonly shifted: readonly number[]; readonly others: readonly number[] },
    meanwhile: () => void,
  ): Promise<void>;
}

/** A machine that has never slept. */
export function createMachine(): Machine {
  let sleptMs = 0;
  return {
    env: () => ({
      NODE_OPTIONS: `--import=${PRELOAD}`,
      CLOCK_SHIFT_MS: String(sleptMs),
      SUSPEND_MS: String(SLEEP_MS),
      STOPPED_MS: String(STOPPED_MS),
    }),
    async sleep({ shifted, others }, meanwhile) {
      const all = [...shifted, ...others];
      sleptMs += SLEEP_MS;
      // First the clocks: a process that wakes up would look at them before it hears of its sleep.
      for (const pid of shifted) signal(pid, 'SIGUSR2');
      await sleep(HEARD_MS);
      for (const pid of all) signal(pid, 'SIGSTOP');
      try {
        await sleep(STOPPED_MS);
        meanwhile();
      } finally {
        for (const pid of all) signal(pid, 'SIGCONT');
      }
    },
  };
}

/** A process may have ended meanwhile. */
function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // Nobody to stop, and nobody to wake up.
  }
}
