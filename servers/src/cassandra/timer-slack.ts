import { readdirSync, writeFileSync } from 'node:fs';

/**
 * Cassandra's workers look for work every 10 to 100 µs for a while after each request, which on a machine that
 * always has a little to do means thousands of wakings a second. Linux may wake a thread later than it asked
 * for, by its timer slack; 50 µs unless told.
 */
const SLACK_NS = 1_000_000;

/**
 * Lets Linux wake a Cassandra's threads up to a millisecond later than they ask for. A thread begins with the
 * slack of the one that made it, so those that come later have it too. Does nothing where there is no such
 * thing.
 */
export function widenTimerSlack(pid: number): void {
  for (const thread of threadsOf(pid)) {
    try {
      writeFileSync(`/proc/${thread}/timerslack_ns`, String(SLACK_NS));
    } catch {
      // The thread has just ended, or this kernel does not let us: the server only costs more then.
    }
  }
}

function threadsOf(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}
