import { setTimeout as sleep } from 'node:timers/promises';
import { type Sink, SINKS } from '@kandle/knative/read-plan';
import type { SinkServers } from '../stack/sinks.ts';
import type { Stack } from '../stack/stack.ts';
import { type Fault, until } from './fault.ts';

const MOMENT_MS = 3_000;
const AWAY_MS = 60_000;
const STOPPED_MS = 15_000;
/** Less than an empty Redis takes: nothing more is taken. */
const FULL_BYTES = 1_048_576;
const FULL_MS = 10_000;

function serversOf({ sinks }: Stack): SinkServers {
  if (sinks === null) throw new Error('Cannot disturb the sinks: this stack has none');
  return sinks;
}

/** Ends a sink's server, and starts it again after a while. */
async function away(stack: Stack, sink: Sink, awayMs: number): Promise<void> {
  const server = serversOf(stack).of(sink);
  await server.kill();
  try {
    await sleep(awayMs);
  } finally {
    await server.start();
  }
}

/** Kills a sink's process while its server holds an event that it has not answered. */
async function killInTheMiddle(stack: Stack, sink: Sink): Promise<void> {
  const { pipeline, untilAwake } = stack;
  const server = serversOf(stack).of(sink);
  await untilAwake(sink);
  server.pause();
  try {
    await until(`an event at ${sink}`, () => (pipeline.services.get(sink)?.stats().inFlight ?? 0) > 0);
    // The request is on its way to the server, which takes it up when it goes on.
    await sleep(200);
    pipeline.services.get(sink)?.kill();
  } finally {
    server.resume();
  }
}

function ofSink(sink: Sink): readonly Fault[] {
  const server = sink === 'sink-redis' ? 'Redis' : 'InfluxDB';
  return [
    {
      name: `${sink}: it is killed at a random moment`,
      async inject({ pipeline, untilAwake }, random) {
        await sleep(random.below(MOMENT_MS));
        await untilAwake(sink);
        pipeline.services.get(sink)?.kill();
      },
    },
    {
      name: `${sink}: it is killed while ${server} has its events and has not answered`,
      inject: (stack) => killInTheMiddle(stack, sink),
    },
    {
      name: `${sink}: ${server} is killed and started again`,
      inject: (stack, random) => away(stack, sink, random.below(MOMENT_MS)),
    },
    {
      name: `${sink}: ${server} is away for a minute`,
      inject: (stack) => away(stack, sink, AWAY_MS),
    },
    {
      name: `${sink}: ${server} stands still for 15 s`,
      async inject(stack) {
        const paused = serversOf(stack).of(sink);
        paused.pause();
        try {
          await sleep(STOPPED_MS);
        } finally {
          paused.resume();
        }
      },
    },
  ];
}

/** What befalls the sinks, where a stack has them. */
export const SINK_FAULTS: readonly Fault[] = [
  ...SINKS.flatMap(ofSink),
  {
    name: 'sink-redis: the memory of Redis is full for 10 s',
    async inject(stack) {
      const { redis } = serversOf(stack);
      const before = await redis.memoryRefusals();
      await redis.setMaxMemory(FULL_BYTES);
      try {
        await until('an event that Redis refuses', async () => (await redis.memoryRefusals()) > before);
        await sleep(FULL_MS);
      } finally {
        await redis.setMaxMemory(0);
      }
    },
  },
];
