import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ReceivedEvent } from '@kandle/runtime/received-event';
import { freePort } from '@kandle/servers/ports/ports';
import { type FunctionProcess, startFunction } from '@kandle/testkit/function-process';

/** Starts the real function; resolves when it is ready. */
export async function startNotify(env: Readonly<Record<string, string>>): Promise<FunctionProcess> {
  return await startFunction(join(import.meta.dirname, '../src/index.ts'), await freePort(), env);
}

/** Sends an event again and again, as KafkaSource does, until a process takes it. @returns All statuses. */
export async function sendUntilTaken(
  notify: FunctionProcess,
  event: ReceivedEvent,
): Promise<readonly (number | null)[]> {
  const statuses: (number | null)[] = [];
  for (;;) {
    const status = await notify.send(event);
    statuses.push(status);
    if (status !== null && status < 500) return statuses;
    if (statuses.length > 1_000) throw new Error(`Cannot get the event taken: ${notify.log()}`);
    await sleep(100);
  }
}
