import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import type { MarketEvent } from '@kandle/market/event/market-event';
import { freePort } from '@kandle/servers/ports/ports';
import { REPO_ROOT } from '@kandle/tooling/paths';
import { expect } from 'vitest';

/** A program of the pipeline that runs from its sources. */
export interface Program {
  /** Resolves once its log has such a text. */
  says(text: RegExp): Promise<void>;
  /** Sends a request, with an event if there is one. @returns Its status; 0 if nobody listened. */
  ask(path: string, event?: MarketEvent, token?: string): Promise<number>;
  readonly exitCode: Promise<number | null>;
}

/** Programs, and everything that they wrote, answered or showed to whoever looks at processes. */
export interface Programs {
  start(name: string, path: string, env: Readonly<Record<string, string>>): Promise<Program>;
  /** By the place where it was seen: `ingest: log`, `ingest: cmdline`, `persist: /metrics`. */
  readonly seen: ReadonlyMap<string, string>;
  note(place: string, text: string): void;
  end(): void;
}

/** Starts nothing yet. */
export function createPrograms(): Programs {
  const seen = new Map<string, string>();
  const ends: (() => void)[] = [];
  const note = (place: string, text: string): void =>
    void seen.set(place, `${seen.get(place) ?? ''}${text}\n`);
  return {
    seen,
    note,
    end: () => ends.forEach((end) => end()),
    async start(name, path, env) {
      const port = await freePort();
      const child = spawn(process.execPath, [join(REPO_ROOT, path)], {
        env: {
          PATH: process.env['PATH'],
          PORT: String(port),
          HTTP_PORT: String(port),
          LOG_LEVEL: 'debug',
          LOOPBACK_ONLY: 'true',
          ...env,
        },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      const exitCode = once(child, 'exit').then(([code]) => (typeof code === 'number' ? code : null));
      ends.push(() => child.kill('SIGKILL'));
      for (const stream of [child.stdout, child.stderr])
        stream.setEncoding('utf8').on('data', (text: string) => note(`${name}: log`, text));
      for (const file of ['cmdline', 'environ'])
        note(`${name}: ${file}`, readFileSync(`/proc/${child.pid}/${file}`, 'utf8'));
      return {
        exitCode,
        says: (text) =>
          expect.poll(() => seen.get(`${name}: log`) ?? '', { timeout: 30_000, interval: 50 }).toMatch(text),
        async ask(path, event, token) {
          const { status, text } = await send(port, path, event, token);
          note(`${name}: ${path}`, text);
          return status;
        },
      };
    },
  };
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

function send(
  port: number,
  path: string,
  event: MarketEvent | undefined,
  token: string | undefined,
): Promise<Answer> {
  const attributes = Object.entries(event?.extensions ?? {}).map(([key, value]) => [`ce-${key}`, value]);
  const headers = {
    ...(event !== undefined && {
      'ce-specversion': '1.0',
      'ce-id': event.id,
      'ce-source': event.source,
      'ce-type': event.type,
      'content-type': 'application/json',
      ...Object.fromEntries(attributes),
    }),
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
  };
  return new Promise((resolve) => {
    const method = event === undefined ? 'GET' : 'POST';
    const outgoing = request({ host: '127.0.0.1', port, path, method, headers }, (response) => {
      let text = JSON.stringify(response.headers);
      response.setEncoding('utf8').on('data', (part: string) => (text += part));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    });
    outgoing.on('error', () => resolve({ status: 0, text: '' }));
    outgoing.end(event === undefined ? undefined : JSON.stringify(event.data));
  });
}
