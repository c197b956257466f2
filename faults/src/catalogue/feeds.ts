import { setTimeout as sleep } from 'node:timers/promises';
import type { Stack } from '../stack/stack.ts';
import { type Fault, until } from './fault.ts';

/** Spoils the line, and waits until the feed has a new client. */
async function andBack({ feed }: Stack, spoil: () => void): Promise<void> {
  const { connections } = feed.stats();
  spoil();
  await until('ingest is connected to the feed again', () => feed.stats().connections > connections);
}

function refused(status: number): Fault {
  return {
    name: `the feed is lost and refuses with ${status}, then delivers the last seconds again`,
    inject: (stack) =>
      andBack(stack, () => {
        stack.feed.refuse(status, 2);
        stack.feed.breakLine();
      }),
  };
}

function late(age: string, ageMs: number): Fault {
  return { name: `trades come ${age} late`, inject: async ({ feed }) => feed.sendAged(ageMs, 20) };
}

function ahead(time: string, aheadMs: number): Fault {
  return {
    name: `trades come ${time} ahead of time`,
    inject: async ({ feed }) => feed.sendAged(-aheadMs, 20),
  };
}

const DELAY_MS = 20 * 60_000;
/** Records of a delayed symbol come so often, and so many of them. */
const DELAYED_EVERY_MS = 250;
const DELAYED = 40;
const AHEAD_MS = [14 * 60_000, 28 * 60_000] as const;

/** What a feed does to us. Every reconnect delivers the last seconds again, real twins included. */
export const FEED_FAULTS: readonly Fault[] = [
  {
    name: 'the feed closes with 1006, and delivers the last seconds again',
    inject: (stack) => andBack(stack, () => stack.feed.breakLine()),
  },
  refused(401),
  refused(429),
  {
    name: 'the feed falls silent without a word',
    inject: (stack) => andBack(stack, () => stack.feed.goDead()),
  },
  { name: 'the feed sends garbage', inject: async ({ feed }) => feed.sendGarbage() },
  late('1.5 s', 1_500),
  late('3 minutes', 180_000),
  late('7 minutes', 420_000),
  late('14 minutes', 840_000),
  late('2 days', 2 * 86_400_000),
  ahead('4 s', 4_000),
  ahead('14 minutes', 840_000),
  {
    name: 'a symbol comes 20 minutes late, beside one in time in its shard',
    async inject(stack) {
      for (let n = 0; n < DELAYED; n++) {
        stack.feed.sendDelayed(DELAY_MS);
        await sleep(DELAYED_EVERY_MS);
      }
      await stack.untilTaken();
    },
  },
  {
    name: 'two records of 14 and 28 minutes ahead come, and nothing confirms them',
    async inject(stack) {
      for (const aheadMs of AHEAD_MS) stack.feed.sendAged(-aheadMs, 1);
      await stack.untilTaken();
    },
  },
];
