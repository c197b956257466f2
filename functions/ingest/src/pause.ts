import { setTimeout as sleep } from 'node:timers/promises';

/** Resolves after a time, or at once when the signal says so. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}
