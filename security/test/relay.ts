import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** Passes bytes on to a port of this machine, so that connections can be cut under both ends. */
export interface Relay {
  readonly port: number;
  /** Breaks every connection of now; new ones are taken. */
  cut(): void;
  close(): Promise<void>;
}

/** Starts a relay to a port where nobody needs to listen yet. */
export async function startRelay(targetPort: number): Promise<Relay> {
  const open = new Set<Socket>();
  const server = createServer((client) => {
    const target = connect(targetPort, '127.0.0.1');
    for (const [one, other] of [
      [client, target],
      [target, client],
    ] as const) {
      open.add(one);
      one.on('error', () => other.destroy());
      one.on('close', () => {
        open.delete(one);
        other.destroy();
      });
      one.pipe(other);
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const cut = (): void => {
    for (const socket of open) socket.destroy();
  };
  return {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    cut,
    async close() {
      cut();
      server.close();
      await once(server, 'close');
    },
  };
}
