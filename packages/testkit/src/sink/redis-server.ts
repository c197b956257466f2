import { existsSync } from 'node:fs';
import { type ChildServer, createChildServer } from '../child-server.ts';
import { createClient } from '@redis/client';

/** Where Debian's packages put one; REDIS_SERVER names another. */
const PROGRAM = [process.env['REDIS_SERVER'], '/usr/bin/redis-server', '/usr/bin/valkey-server'].find(
  (path) => path !== undefined && existsSync(path),
);

/** Why tests on Redis are left out, as the end of their name; null where there is one. */
export const NO_REDIS: string | null =
  PROGRAM === undefined
    ? ': left out, for there is none in /usr/bin (apt-get install redis-server, or name its program in REDIS_SERVER)'
    : null;

/** A Redis or Valkey of its own. */
export interface RedisServer extends ChildServer {
  readonly url: string;
}

/** Starts one on 127.0.0.1; what it has answered for survives a kill. */
export async function startRedis(port: number): Promise<RedisServer> {
  const url = `redis://127.0.0.1:${port}`;
  const server = createChildServer({
    name: 'redis',
    program: PROGRAM ?? '',
    args: (folder) =>
      [`--bind 127.0.0.1 --port ${port} --dir ${folder}`, '--appendonly yes --appendfsync always'].flatMap(
        (text) => text.split(' '),
      ),
    async isReady() {
      const client = createClient({ url, socket: { reconnectStrategy: false } });
      client.on('error', () => undefined);
      try {
        await client.connect();
        await client.ping();
        return true;
      } catch {
        return false;
      } finally {
        client.destroy();
      }
    },
  });
  await server.start();
  return { ...server, url };
}
