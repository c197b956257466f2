import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describeError } from '@kandle/runtime/errors';
import type { Service } from '@kandle/stand-in/serving/service';
import type { DispatcherTask } from './dispatcher-process.ts';

/** The event sources of a stack, in a process of their own that is started again whenever it ends by itself. */
export interface Dispatcher {
  pid(): number;
  /** SIGKILL; resolves when a new process has its partitions. */
  kill(): Promise<void>;
  /**
   * Answers for a function, which gets nothing until it is released.
   *
   * @returns How many events were answered, and what ends it.
   */
  answerFor(name: string, status: number): { readonly count: () => number; readonly release: () => void };
  stop(): Promise<void>;
}

/** What the sources are and where their events go. */
export interface DispatcherOptions extends Omit<DispatcherTask, 'sinkUrl'> {
  readonly services: ReadonlyMap<string, Service>;
  readonly log: (line: string) => void;
  readonly onSpawn: (pid: number) => void;
  readonly onExit?: (pid: number) => void;
}

const SCRIPT = fileURLToPath(new URL('./dispatcher-process.ts', import.meta.url));
const RESTART_MS = 500;
/** A source waits 25 s for what is under way. */
const STOP_DEADLINE_MS = 30_000;
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'host',
  'connection',
  'content-length',
  'transfer-encoding',
  'keep-alive',
]);

/** Starts the sources; resolves when they have their partitions. */
export async function startDispatcher(options: DispatcherOptions): Promise<Dispatcher> {
  const { services, log, onSpawn, onExit, ...task } = options;
  const timeouts = new Map(task.sources.map(({ sink, delivery }) => [sink, delivery.timeoutMs]));
  const answers = new Map<string, { readonly status: number; count: number }>();
  // In front of the services, for another process: a path for each.
  const gate = createServer((request, response) => {
    const name = request.url?.slice(1) ?? '';
    const service = services.get(name);
    if (service === undefined) {
      response.writeHead(404).end();
      return;
    }
    const answer = answers.get(name);
    if (answer !== undefined) {
      answer.count += 1;
      request.resume();
      response.writeHead(answer.status).end('answered in its place, by a fault');
      return;
    }
    // A broken connection is the dispatcher's own end.
    passOn(service, request, response, timeouts.get(name) ?? 0).catch(() => response.destroy());
  });
  gate.listen(0, '127.0.0.1');
  await once(gate, 'listening');
  const address = gate.address();
  const sinkUrl = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}/`;
  const killNow = (): void => void child.kill('SIGKILL');
  /** The process that is meant to end. */
  let ending: ChildProcess | null = null;
  let child = await start();
  process.once('exit', killNow);

  async function start(): Promise<ChildProcess> {
    const told: DispatcherTask = { ...task, sinkUrl };
    const started = spawn(process.execPath, [SCRIPT, JSON.stringify(told)], {
      stdio: ['pipe', 'pipe', 'inherit'],
      // A group of its own: Ctrl-C in the terminal is for us; the events must flow until all is at rest.
      detached: true,
    });
    onSpawn(started.pid ?? 0);
    const lines = createInterface({ input: started.stdout });
    const ready = Promise.withResolvers<void>();
    lines.on('line', (line) => (line === 'ready' ? ready.resolve() : log(line)));
    started.once('exit', (code, signal) => {
      onExit?.(started.pid ?? 0);
      ready.reject(new Error('Cannot start the dispatcher: it ended at once'));
      if (child === started && ending !== started)
        void startAgain(
          `The process of the event sources (pid ${started.pid}) ended by itself (${signal ?? code})`,
        );
    });
    await ready.promise;
    return started;
  }

  /** As an orchestrator does, for as long as it takes: until then no event is delivered, and none is lost. */
  async function startAgain(fact: string): Promise<void> {
    log(`${fact}, and is started again`);
    const gone = child;
    const isMissed = (): boolean => child === gone && ending !== gone;
    while (isMissed()) {
      await sleep(RESTART_MS);
      try {
        const started = await start();
        // It may have been stopped while it started.
        if (ending === gone) started.kill('SIGKILL');
        child = started;
      } catch (error) {
        log(describeError(error));
      }
    }
  }

  return {
    pid: () => child.pid ?? 0,
    async kill() {
      const gone = once(child, 'exit');
      ending = child;
      child.kill('SIGKILL');
      await gone;
      child = await start();
    },
    answerFor(name, status) {
      const answer = { status, count: 0 };
      answers.set(name, answer);
      return { count: () => answer.count, release: () => answers.delete(name) };
    },
    async stop() {
      ending = child;
      const gone = child.exitCode === null && child.signalCode === null ? once(child, 'exit') : null;
      child.stdin?.end();
      const timer = setTimeout(killNow, STOP_DEADLINE_MS);
      await gone;
      clearTimeout(timer);
      process.removeListener('exit', killNow);
      gate.closeAllConnections();
      gate.close();
    },
  };
}

async function passOn(
  service: Service,
  request: IncomingMessage,
  response: ServerResponse,
  timeoutMs: number,
): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const headers = Object.fromEntries(
    Object.entries(request.headers).flatMap(([name, value]) =>
      typeof value === 'string' && !HOP_BY_HOP.has(name) ? [[name, value]] : [],
    ),
  );
  const attempt = await service.request(headers, Buffer.concat(chunks), timeoutMs);
  if (attempt.status === null) response.destroy();
  else response.writeHead(attempt.status).end(attempt.body);
}
