import { once } from 'node:events';
import { createServer } from 'node:http';

/** Its name among notify's targets. */
export const TARGET = 'hook';

/** A target of notify that can hold an answer back. */
export interface Webhook {
  readonly url: string;
  /** How often each `Idempotency-Key` came. */
  keys(): ReadonlyMap<string, number>;
  /** Holds the answer to the next request until it is released. */
  holdNext(): { readonly isHeld: () => boolean; readonly release: () => void };
  close(): Promise<void>;
}

/** Starts the target on 127.0.0.1. */
export async function startWebhook(): Promise<Webhook> {
  const keys = new Map<string, number>();
  let hold: { isHeld: boolean; readonly released: Promise<void> } | null = null;
  const server = createServer((request, response) => {
    const key = String(request.headers['idempotency-key'] ?? '');
    keys.set(key, (keys.get(key) ?? 0) + 1);
    const held = hold;
    if (held !== null && !held.isHeld) {
      held.isHeld = true;
      held.released.then(() => response.writeHead(204).end()).catch(() => undefined);
    } else response.writeHead(204).end();
    request.resume();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  return {
    url: `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}/signals`,
    keys: () => keys,
    holdNext() {
      const released = Promise.withResolvers<void>();
      const own = { isHeld: false, released: released.promise };
      hold = own;
      return {
        isHeld: () => own.isHeld,
        release() {
          if (hold === own) hold = null;
          released.resolve();
        },
      };
    },
    async close() {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}
