import { setTimeout as pause } from 'node:timers/promises';
import { SLEEP_MS } from '../stack/machine.ts';
import type { Stack } from '../stack/stack.ts';
import { type Fault, until } from './fault.ts';

/** Frames under way arrive before the machine sleeps. */
const QUIET_MS = 1_000;
/** Of the frames before a sleep, so many come again after it. */
const REDELIVERED_MS = SLEEP_MS + 60_000;
const USUAL_REDELIVERY_MS = 60_000;

/** The machine sleeps for ten minutes: everything on it, while the market goes on and the line breaks. */
async function sleep({ machine, pipeline, dispatcher, feed, vendors, options }: Stack): Promise<void> {
  if (machine === null) throw new Error('Cannot sleep: the clocks of this stack cannot be shifted');
  const { pidOf } = options.servers;
  const functions = [...pipeline.services.values()].flatMap((service) => service.stats().pids);
  const ingests = [...pipeline.ingests.values()].map((ingest) => ingest.pid());
  const { connections } = feed.stats();
  feed.setSilent(true);
  for (const vendor of vendors) vendor.set('mute');
  try {
    await pause(QUIET_MS);
    await machine.sleep(
      {
        shifted: [...functions, ...ingests],
        others: [dispatcher.pid(), ...(pidOf === null ? [] : [pidOf('kafka'), pidOf('cassandra')])],
      },
      () => {
        feed.skipAhead(SLEEP_MS);
        feed.breakLine();
        for (const vendor of vendors) {
          vendor.skipAhead(SLEEP_MS);
          vendor.server.cut();
        }
      },
    );
    await until('ingest is connected to the feed again', () => feed.stats().connections > connections);
  } finally {
    feed.setSilent(false);
    for (const vendor of vendors) vendor.set('telling');
  }
}

/** A laptop is closed and opened again. */
export const SLEEP_FAULTS: readonly Fault[] = [
  { name: 'the machine sleeps for ten minutes', inject: sleep },
  {
    name: 'the machine sleeps for ten minutes, and the feed delivers again what came before that',
    async inject(stack) {
      stack.feed.setRedelivery(REDELIVERED_MS);
      try {
        await sleep(stack);
      } finally {
        stack.feed.setRedelivery(USUAL_REDELIVERY_MS);
      }
    },
  },
];
