import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ReceivedEvent } from '@kandle/runtime/received-event';
import { freePort } from '@kandle/servers/ports/ports';

/** The real function as a process of its own. */
export interface NotifyProcess {
  /** Sends an event as KafkaSource does. @returns The status, or null if the process went away. */
  send(event: ReceivedEvent): Promise<number | null>;
  /** Everything it has logged. */
  log(): string;
  kill(): Promise<void>;
}

/** Starts the function; resolves when it is ready. */
export async function startNotify(env: Readonly<Record<string, string>>): Promise<NotifyProcess> {
  const port = await freePort();
  const child = spawn(process.execPath, [join(import.meta.dirname, '../src/index.ts')], {
    env: { PATH: process.env['PATH'], PORT: String(port), LOOPBACK_ONLY: 'true', LOG_LEVEL: 'debug', ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let output = '';
  const exited = once(child, 'exit');
  await new Promise<void>((resolve, reject) => {
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      if (output.includes('"ready"')) resolve();
    });
    child.once('exit', () => reject(new Error(`Cannot start notify: ${output}`)));
  });
  return {
    async send({ id, source, type, attributes, data }) {
      const extensions = Object.entries(attributes).map(([name, value]) => [`ce-${name}`, String(value)]);
      const headers = {
        ...Object.fromEntries(extensions),
        'ce-specversion': '1.0',
        'ce-id': id,
        'ce-source': source,
        'ce-type': type,
        'content-type': 'application/json',
      };
      const body = JSON.stringify(data);
      const answer = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', headers, body }).catch(
        () => null,
      );
      await answer?.text();
      return answer?.status ?? null;
    },
    log: () => output,
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

/** Sends an event again and again, as KafkaSource does, until a process takes it. @returns All statuses. */
export async function sendUntilTaken(
  notify: NotifyProcess,
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
