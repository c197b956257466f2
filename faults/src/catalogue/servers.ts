import { setTimeout as sleep } from 'node:timers/promises';
import type { Stack } from '../stack/stack.ts';
import { type Fault, until } from './fault.ts';

type Server = 'kafka' | 'cassandra';

const STOPPED_MS = 15_000;
const RESTART_DEADLINE_MS = 240_000;

function pidOf({ options }: Stack, server: Server): number {
  const { pidOf } = options.servers;
  if (pidOf === null) throw new Error(`Cannot kill ${server}: it is not this stack's own`);
  return pidOf(server);
}

/** SIGKILL; resolves when the supervisor has a new one that answers. */
async function killServer(stack: Stack, server: Server): Promise<void> {
  const pid = pidOf(stack, server);
  process.kill(pid, 'SIGKILL');
  await until(
    `${server} is back`,
    async () => pidOf(stack, server) !== pid && (await isBack(stack, server)),
    RESTART_DEADLINE_MS,
  );
}

async function isBack({ pipeline, lags }: Stack, server: Server): Promise<boolean> {
  try {
    if (server === 'kafka') await lags();
    else await pipeline.client.execute('SELECT key FROM system.local');
    return true;
  } catch {
    await sleep(200);
    return false;
  }
}

/** Servers that die or stand still. */
export const SERVER_FAULTS: readonly Fault[] = [
  {
    name: 'Kafka is killed twice',
    killsServers: true,
    async inject(stack, random) {
      await killServer(stack, 'kafka');
      await sleep(random.below(5_000));
      await killServer(stack, 'kafka');
    },
  },
  {
    name: 'Cassandra is killed',
    killsServers: true,
    inject: (stack) => killServer(stack, 'cassandra'),
  },
  {
    name: 'Cassandra stands still for 15 s',
    killsServers: true,
    async inject(stack) {
      const pid = pidOf(stack, 'cassandra');
      process.kill(pid, 'SIGSTOP');
      try {
        await sleep(STOPPED_MS);
      } finally {
        process.kill(pid, 'SIGCONT');
      }
    },
  },
];
