import type { Sink } from '@kandle/knative/read-plan';
import { freePort } from '@kandle/servers/ports/ports';
import type { ChildServer } from '@kandle/testkit/child-server';
import { type InfluxServer, NO_INFLUX, startInflux } from '@kandle/testkit/sink/influx-server';
import { NO_REDIS, type RedisServer, startRedis } from '@kandle/testkit/sink/redis-server';

/** Why there can be no sinks here, as the end of a sentence; null where there can. */
export const NO_SINKS: string | null = NO_REDIS ?? NO_INFLUX;

/** A real server for each sink. */
export interface SinkServers {
  readonly redis: RedisServer;
  readonly influx: InfluxServer;
  /** The server that a sink writes to. */
  of(sink: Sink): ChildServer;
  remove(): Promise<void>;
}

/** Is told of the servers' processes, so that none is left behind. */
export interface SinkHooks {
  readonly onSpawn: (name: string, pid: number) => void;
  readonly onExit: (pid: number) => void;
}

/** More than any run writes: what a reader has not asked for yet is still there at the end. */
const MAX_RECORDS = 10_000_000;

/** Starts a Redis and an InfluxDB. @throws {Error} If this machine has none. */
export async function startSinkServers(hooks: SinkHooks): Promise<SinkServers> {
  if (NO_SINKS !== null) throw new Error(`Cannot start the sinks' servers${NO_SINKS}`);
  const redis = toldOf(await startRedis(await freePort()), 'redis', hooks);
  const influx = toldOf(await startInflux(await freePort(), await freePort()), 'influx', hooks);
  return {
    redis,
    influx,
    of: (sink) => (sink === 'sink-redis' ? redis : influx),
    remove: async () => void (await Promise.all([redis.remove(), influx.remove()])),
  };
}

/** The variables of a sink's process; none for other functions. */
export function sinkServerEnv(
  { redis, influx }: Pick<SinkServers, 'redis' | 'influx'>,
  name: string,
): Readonly<Record<string, string>> {
  if (name === 'sink-redis') return { REDIS_URL: redis.url, MAX_RECORDS: String(MAX_RECORDS) };
  if (name === 'sink-influx') return { INFLUX_URL: influx.url, INFLUX_API: 'v1' };
  return {};
}

/** The same server, which tells of its processes, the one that runs already among them. */
function toldOf<Server extends ChildServer>(
  server: Server,
  name: string,
  { onSpawn, onExit }: SinkHooks,
): Server {
  onSpawn(name, server.pid());
  const gone = async (end: () => Promise<void>): Promise<void> => {
    const pid = server.pid();
    await end();
    onExit(pid);
  };
  return {
    ...server,
    async start() {
      await server.start();
      onSpawn(name, server.pid());
    },
    kill: () => gone(() => server.kill()),
    remove: () => gone(() => server.remove()),
  };
}
