import { spawn } from 'node:child_process';
import { once } from 'node:events';
import type { ReceivedEvent } from '@kandle/runtime/received-event';

/** A real function as a process of its own. */
export interface FunctionProcess {
  /** Sends an event as KafkaSource does. @returns The status, or null if the process went away. */
  send(event: ReceivedEvent): Promise<number | null>;
  /** Everything it has logged. */
  log(): string;
  kill(): Promise<void>;
}

/** Starts a function by its main program; resolves when it is ready. */
export async function startFunction(
  script: string,
  port: number,
  env: Readonly<Record<string, string>>,
): Promise<FunctionProcess> {
  const child = spawn(process.execPath, [script], {
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
    child.once('exit', () => reject(new Error(`Cannot start ${script}: ${output}`)));
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
