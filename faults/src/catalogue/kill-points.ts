import { isWindowClose } from '@kandle/testkit/proxy/cql-wire';
import type { Frame } from '@kandle/testkit/proxy/wire';
import type { Stack } from '../stack/stack.ts';
import { type Fault, until } from './fault.ts';

/** Indicators need a minute and a half of windows before the first signal. */
const ANNOUNCED_DEADLINE_MS = 240_000;

type Match = (frame: Frame) => boolean;

/** Produce requests of a function, or the answers to them. */
const produce =
  (client: string, from: Frame['from']): Match =>
  (frame) =>
    frame.from === from && frame.request.what === 'Produce' && frame.request.client === client;

/** Only persist inserts into tables that others only read. */
const isViewWrite: Match = ({ from, request }) =>
  from === 'client' && /^INSERT INTO (trades|candles_5s) /.test(request.what);

/** Kills a function while a message of its is held on its way: it never arrives. */
async function killWhileHeld(
  { pipeline, kafka, cql }: Stack,
  name: string,
  held: { readonly on: 'kafka' | 'cql'; readonly matches: Match; readonly what: string },
): Promise<void> {
  const trap = (held.on === 'kafka' ? kafka : cql).intercept({ matches: held.matches, fate: 'hold' });
  try {
    await until(held.what, () => trap.count() > 0);
    pipeline.services.get(name)?.kill();
  } finally {
    trap.release();
  }
}

function holding(name: string, what: string, on: 'kafka' | 'cql', point: string, matches: Match): Fault {
  return {
    name: `${name} is killed ${point}`,
    inject: (stack) => killWhileHeld(stack, name, { on, matches, what }),
  };
}

const closingKill: Fault = {
  name: 'aggregate is killed between closing a window and publishing it',
  async inject({ pipeline, cql, kafka }) {
    const closed = cql.intercept({
      matches: ({ from, request }) => from === 'server' && isWindowClose(request),
      fate: 'hold',
      times: 1,
    });
    // Its answer is held until whatever aggregate sends from here on is held too.
    await until('the closing of a window', () => closed.count() > 0);
    const event = kafka.intercept({ matches: produce('aggregate', 'client'), fate: 'hold' });
    closed.release();
    try {
      await until('the event of the closed window', () => event.count() > 0);
      pipeline.services.get('aggregate')?.kill();
    } finally {
      event.release();
    }
  },
};

/** Kills at exact points: a proxy holds one message, so that the process dies between two known steps. */
export const KILL_POINTS: readonly Fault[] = [
  holding(
    'aggregate',
    'an event of aggregate',
    'kafka',
    'after the transaction and before the event',
    produce('aggregate', 'client'),
  ),
  holding(
    'aggregate',
    'an acknowledgement for aggregate',
    'kafka',
    'after the event and before its answer',
    produce('aggregate', 'server'),
  ),
  closingKill,
  holding(
    'transform',
    'an acknowledgement for transform',
    'kafka',
    'after producing and before its answer',
    produce('transform', 'server'),
  ),
  holding(
    'signal',
    'an event of signal',
    'kafka',
    'after the transaction and before the event',
    produce('signal', 'client'),
  ),
  holding(
    'signal',
    'an acknowledgement for signal',
    'kafka',
    'after the event and before its answer',
    produce('signal', 'server'),
  ),
  {
    name: 'notify is killed after the target was told and before it is recorded',
    async inject({ pipeline, webhook }) {
      const held = webhook.holdNext();
      try {
        // A signal comes when the market pleases.
        await until('an announcement', held.isHeld, ANNOUNCED_DEADLINE_MS);
        pipeline.services.get('notify')?.kill();
      } finally {
        held.release();
      }
    },
  },
  holding('persist', 'a write of persist', 'cql', 'in the middle of a batch', isViewWrite),
];
