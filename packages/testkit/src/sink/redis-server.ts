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
  /** Most memory that it may take, without giving anything up for it; 0 for no bound. */
  setMaxMemory(bytes: number): Promise<void>;
  /** How many commands it has refused because its memory was full, since it started. */
  memoryRefusals(): Promise<number>;
}

/** Starts one on 127.0.0.1; what it has answered for survives a kill. */
export async function startRedis(port: number): Promise<RedisServer> {
  const url = `redis://127.0.0.1:${port}`;

  async function withClient<Value>(
    ask: (client: ReturnType<typeof createClient>) => Promise<Value>,
  ): Promise<Value> {
    const client: ReturnType<typeof createClient> = createClient({
      url,
      socket: { reconnectStrategy: false },
    });
    client.on('error', () => undefined);
    try {
      await client.connect();
      return await ask(client);
    } finally {
      client.destroy();
    }
  }

  const server = createChildServer({
    name: 'redis',
    program: PROGRAM ?? '',
    args: (folder) =>
      [`--bind 127.0.0.1 --port ${port} --dir ${folder}`, '--appendonly yes --appendfsync always'].flatMap(
        (text) => text.split(' '),
      ),
    isReady: () =>
      withClient((client) => client.ping()).then(
        () => true,
        () => false,
      ),
  });
  await server.start();
  return {
    ...server,
    url,
    setMaxMemory: (bytes) =>
      withClient(async (client) => {
        await client.configSet({ 'maxmemory-policy': 'noeviction', maxmemory: String(bytes) });
      }),
    memoryRefusals: () =>
      withClient(async (client) => {
        const text = await client.info('errorstats');
        return Number(/^errorstat_OOM:count=(\d+)/m.exec(text)?.[1] ?? 0);
      }),
  };
}
