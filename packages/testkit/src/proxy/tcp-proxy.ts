import { once } from 'node:events';
import { createConnection, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Frame, Wire, WireConnection } from './wire.ts';

/** How the line is. `half-open` takes every byte and lets none through; `refused` takes no connection. */
export type Weather =
  | { readonly kind: 'clear' }
  | { readonly kind: 'slow'; readonly delayMs: () => number }
  | { readonly kind: 'half-open' }
  | { readonly kind: 'refused' };

/** What becomes of a frame that an interception catches; `cut` loses it with its connection. */
export type FrameFate = 'drop' | 'cut' | 'hold' | 'watch';

/** Which frames are caught, and what becomes of them. */
export interface Trap {
  readonly matches: (frame: Frame) => boolean;
  readonly fate: FrameFate;
  /** How many frames it catches before it is gone; all if it is not given. */
  readonly times?: number;
}

/** A trap that was set. */
export interface Interception {
  /** Resolves with the first frame that was caught. */
  readonly caught: Promise<Frame>;
  count(): number;
  /** Lets held frames go, and catches no more. */
  release(): void;
}

/** A TCP proxy on 127.0.0.1 that can spoil what it carries. */
export interface TcpProxy {
  readonly port: number;
  /** Of all connections, those open and those to come. */
  setWeather(weather: Weather): void;
  /** Breaks every open connection. */
  cut(): void;
  intercept(trap: Trap): Interception;
  connections(): number;
  close(): Promise<void>;
}

interface SetTrap extends Trap {
  count: number;
  readonly catch: (frame: Frame) => void;
  readonly released: Promise<void>;
}

/**
 * Starts a proxy in front of a server on 127.0.0.1. It knows the protocol's messages, so that exactly the
 * answer of one statement can be lost; it decides nothing by chance itself.
 *
 * @param listenPort Left out for any that is free.
 */
export async function startProxy(targetPort: number, wire: Wire, listenPort = 0): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  const traps = new Set<SetTrap>();
  let weather: Weather = { kind: 'clear' };
  let port = 0;

  function fateOf(frame: Frame): { readonly fate: FrameFate; readonly trap: SetTrap } | null {
    for (const trap of traps) {
      if (!trap.matches(frame)) continue;
      trap.count += 1;
      if (trap.times !== undefined && trap.count >= trap.times) traps.delete(trap);
      trap.catch(frame);
      return { fate: trap.fate, trap };
    }
    return null;
  }

  /** Carries one direction of a connection, frame after frame; what is slow or held holds back what follows. */
  async function carry(
    source: Socket,
    target: Socket,
    split: (chunk: Buffer) => readonly Frame[],
  ): Promise<void> {
    for await (const chunk of source) {
      for (const frame of split(chunk as Buffer)) {
        const caught = fateOf(frame);
        if (caught?.fate === 'drop') continue;
        if (caught?.fate === 'cut') return;
        if (caught?.fate === 'hold') await caught.trap.released;
        if (weather.kind === 'half-open') continue;
        if (weather.kind === 'slow') await sleep(weather.delayMs());
        if (target.destroyed) return;
        if (!target.write(frame.bytes)) await Promise.race([once(target, 'drain'), once(target, 'close')]);
      }
    }
  }

  function connect(client: Socket): void {
    if (weather.kind === 'refused') {
      client.destroy();
      return;
    }
    const server = createConnection({ host: '127.0.0.1', port: targetPort, noDelay: true });
    client.setNoDelay(true);
    const connection: WireConnection = wire.open(port);
    const end = (): void => {
      for (const socket of [client, server]) {
        sockets.delete(socket);
        // A reset, as of a machine that vanished, not a polite end.
        socket.resetAndDestroy();
      }
    };
    for (const socket of [client, server]) {
      sockets.add(socket);
      socket.on('error', end);
      socket.on('close', end);
    }
    const carried = [
      carry(client, server, (chunk) => connection.fromClient(chunk)),
      carry(server, client, (chunk) => connection.fromServer(chunk)),
    ];
    // A broken socket ends its loop with an error; both sockets are gone then.
    for (const one of carried) one.then(end, end);
  }

  const listener = createServer(connect);
  listener.listen(listenPort, '127.0.0.1');
  await once(listener, 'listening');
  const address = listener.address();
  port = typeof address === 'object' && address !== null ? address.port : 0;

  function cut(): void {
    for (const socket of sockets) socket.resetAndDestroy();
  }

  return {
    port,
    setWeather(next) {
      weather = next;
    },
    cut,
    intercept(trap) {
      const caught = Promise.withResolvers<Frame>();
      const released = Promise.withResolvers<void>();
      const set: SetTrap = { ...trap, count: 0, catch: caught.resolve, released: released.promise };
      traps.add(set);
      return {
        caught: caught.promise,
        count: () => set.count,
        release() {
          traps.delete(set);
          released.resolve();
        },
      };
    },
    connections: () => sockets.size / 2,
    async close() {
      traps.clear();
      const closed = once(listener, 'close');
      listener.close();
      cut();
      await closed;
    },
  };
}
