import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '@kandle/tooling/random';
import type { Stack } from '../stack/stack.ts';
import { type Fault, until } from './fault.ts';

/** The longest that a kill waits for its moment. */
const MOMENT_MS = 3_000;
/** Always busy while a market trades; the others sleep now and then. */
const BUSY = ['transform', 'aggregate', 'signal', 'persist'] as const;

/** Ends ingest at a random moment, and waits until a new one has the feed. */
async function endIngest({ pipeline, feed }: Stack, random: Random, signal: NodeJS.Signals): Promise<void> {
  await sleep(random.below(MOMENT_MS));
  const { connections } = feed.stats();
  const pid = pipeline.ingest?.pid();
  if (pid !== undefined) process.kill(pid, signal);
  await until('a new ingest', () => feed.stats().connections > connections);
}

/** Processes that end at any moment: of the pipeline, and the dispatcher. */
export const PROCESS_FAULTS: readonly Fault[] = [
  ...BUSY.map(
    (name): Fault => ({
      name: `${name} is killed at a random moment`,
      async inject({ pipeline, untilAwake }, random) {
        await sleep(random.below(MOMENT_MS));
        await untilAwake(name);
        pipeline.services.get(name)?.kill();
      },
    }),
  ),
  {
    name: 'every function gets SIGTERM at a random moment',
    async inject({ pipeline, untilAwake }, random) {
      for (const name of BUSY) {
        await sleep(random.below(MOMENT_MS));
        await untilAwake(name);
        for (const pid of pipeline.services.get(name)?.stats().pids ?? []) process.kill(pid, 'SIGTERM');
      }
    },
  },
  {
    name: 'ingest is killed under load, and the feed delivers the last seconds again',
    inject: (stack, random) => endIngest(stack, random, 'SIGKILL'),
  },
  {
    name: 'ingest gets SIGTERM at a random moment',
    inject: (stack, random) => endIngest(stack, random, 'SIGTERM'),
  },
  {
    name: 'ingest is killed just before the market falls silent',
    async inject({ pipeline, feed }) {
      const { connections } = feed.stats();
      pipeline.ingest?.kill();
      feed.setSilent(true);
      await until('a new ingest', () => feed.stats().connections > connections);
      // Long enough for the last windows to be due.
      await sleep(9_000);
      feed.setSilent(false);
    },
  },
  {
    name: 'the dispatcher is killed, and seconds of records come again',
    async inject({ dispatcher }, random) {
      await sleep(random.below(MOMENT_MS));
      await dispatcher.kill();
    },
  },
];
