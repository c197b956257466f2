import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { describeError, FatalError } from '@kandle/runtime/errors';
import { createGeneratedLines, type GeneratorOptions } from './generated-lines.ts';

/** Where the records go. */
export interface GeneratorPlace {
  readonly host: string;
  /** 0 takes a free one, where it listens. */
  readonly port: number;
  /** It listens, and sends to whoever connects; or it connects, again and again, to somebody who listens. */
  readonly way: 'listen' | 'connect';
}

/** A running generator. */
export interface Generator {
  /** The address that ingest is given, `tcp://…`, where it listens. */
  readonly url: string;
  readonly symbols: readonly string[];
  sent(): number;
  close(): Promise<void>;
}

const SECOND_MS = 1_000;
const RETRY_MS = 1_000;
const MAX_BUFFERED_BYTES = 4_194_304;

/** Starts a generator. @throws {FatalError} If it is to listen and cannot. */
export async function startGenerator(
  options: Omit<GeneratorOptions, 'startMs'>,
  { host, port, way }: GeneratorPlace,
  log: (line: string) => void,
): Promise<Generator> {
  const lines = createGeneratedLines({ ...options, startMs: Date.now() });
  const sockets = new Set<Socket>();
  const timers = new Set<NodeJS.Timeout>();
  let sent = 0;
  let isClosed = false;

  function send(text: string): void {
    for (const socket of sockets) {
      // Who does not read misses records, and holds up nobody else.
      if (socket.writableLength > MAX_BUFFERED_BYTES) continue;
      socket.write(text);
      sent += 1;
    }
  }

  function tell(): void {
    for (const { text, delayMs } of lines.nextSecond()) {
      const timer = setTimeout(() => {
        timers.delete(timer);
        send(text);
      }, delayMs);
      timers.add(timer);
    }
  }

  function take(socket: Socket): void {
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    socket.resume();
    sockets.add(socket);
  }

  function dial(): void {
    if (isClosed) return;
    const socket = connect({ host, port });
    let fault = '';
    socket.on('connect', () => {
      log(`connected to ${host}:${port}`);
      take(socket);
    });
    socket.on('error', (error) => {
      fault = describeError(error);
    });
    socket.on('close', () => {
      if (isClosed) return;
      log(`no connection to ${host}:${port} ${fault}: again in ${RETRY_MS} ms`);
      const timer = setTimeout(() => {
        timers.delete(timer);
        dial();
      }, RETRY_MS);
      timers.add(timer);
    });
  }

  const server = createServer(take);
  let listening = port;
  if (way === 'connect') dial();
  else {
    server.listen({ host, port });
    try {
      await once(server, 'listening');
    } catch (error) {
      throw new FatalError(`Cannot listen on ${host}:${port}: ${describeError(error)}`, { cause: error });
    }
    const address = server.address();
    if (typeof address === 'object' && address !== null) listening = address.port;
  }
  const ticking = setInterval(tell, SECOND_MS);
  return {
    url: `tcp://${host}:${listening}`,
    symbols: lines.symbols,
    sent: () => sent,
    async close() {
      isClosed = true;
      clearInterval(ticking);
      for (const timer of timers) clearTimeout(timer);
      for (const socket of sockets) socket.destroy();
      if (way === 'listen') await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
