import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '@kandle/tooling/random';
import type { Stack } from '../stack/stack.ts';

/** Something that goes wrong in a running stack, and is over when `inject` resolves. */
export interface Fault {
  readonly name: string;
  /** Kills a server, so that it needs servers of its own. */
  readonly killsServers?: boolean;
  inject(stack: Stack, random: Random): Promise<void>;
}

/** Waits for a condition. @throws {Error} If it does not come true in time. */
export async function until(
  what: string,
  isTrue: () => boolean | Promise<boolean>,
  deadlineMs = 90_000,
): Promise<void> {
  const deadline = performance.now() + deadlineMs;
  while (!(await isTrue())) {
    if (performance.now() > deadline) throw new Error(`Not in time: ${what}`);
    await sleep(20);
  }
}
