import { setTimeout as sleep } from 'node:timers/promises';
import * as fc from 'fast-check';
import { createRandom } from '@kandle/tooling/random';
import { EVENT_TYPES } from '@kandle/market/event/topics';
import type { MarketEvent } from '@kandle/market/event/market-event';
import { PoisonError, RetryableError } from '@kandle/runtime/errors';
import type { ReceivedEvent } from '@kandle/runtime/received-event';
import { describe, expect, test } from 'vitest';
import type { FunctionProcess } from '../function-process.ts';
import { receivedEvent } from '../received-event.ts';
import { makeSinkRun, type SinkContents } from './sink-events.ts';

/** A server that a sink writes to. */
export interface SinkServer {
  start(): Promise<void>;
  /** Ends it at once, as `kill -9`; what it has answered for stays. */
  kill(): Promise<void>;
}

/** A sink on its real server. */
export interface SinkUnderTest {
  readonly handle: (event: ReceivedEvent) => Promise<void>;
  readonly server: SinkServer;
  /** The function as a process of its own, on the same server. */
  readonly startProcess: () => Promise<FunctionProcess>;
  readonly read: (feed: string) => Promise<SinkContents>;
}

/** Longest that an event may wait for a server that is away. */
const MAX_WAIT_MS = 8_000;

/**
 * What every sink promises: whatever is repeated, overtaken, killed or away, it ends with what the market's own
 * rules make of the same events.
 *
 * @param open Is called by the tests, not before.
 */
export function describeSink(name: string, open: () => SinkUnderTest): void {
  let runs = 0;
  const nextFeed = (): string => `${name}${runs++}`;

  async function expectContents(feed: string, contents: SinkContents): Promise<void> {
    const found = await open().read(feed);
    expect(found).toEqual(found.newest === null ? { ...contents, newest: null } : contents);
  }

  /** Sends events until each was taken, several at once, as an unordered source does. */
  async function deliver(
    events: readonly MarketEvent[],
    send: (event: ReceivedEvent) => Promise<void>,
    atOnce = 4,
  ): Promise<void> {
    for (let from = 0; from < events.length; from += atOnce) {
      await Promise.all(
        events.slice(from, from + atOnce).map(async (event) => {
          for (;;) {
            try {
              return await send(receivedEvent(event));
            } catch (error) {
              if (error instanceof PoisonError) throw error;
              await sleep(50);
            }
          }
        }),
      );
    }
  }

  describe(`the contract of sinks, of ${name}`, () => {
    test('has what the rules of the market say, when each event comes 1 to 5 times in any order', async () => {
      await fc.assert(
        fc.asyncProperty(fc.nat(), fc.integer({ min: 1, max: 5 }), async (seed, atOnce) => {
          const feed = nextFeed();
          const { events, contents } = makeSinkRun(feed, seed);
          await deliver(shuffle(events, seed), open().handle, atOnce);
          await expectContents(feed, contents);
        }),
        { numRuns: 6 },
      );
    });

    test('keeps the newest version, when a revision comes first and the older ones after it', async () => {
      const feed = nextFeed();
      const { events, contents } = makeSinkRun(feed, 1);
      await deliver(events.toReversed(), open().handle, 1);
      await expectContents(feed, contents);
    });

    test('loses and doubles nothing, when the function is killed in the middle', async () => {
      const feed = nextFeed();
      const { events, contents } = makeSinkRun(feed, 2);
      const first = await open().startProcess();
      const sent = shuffle(events, 2);
      const half = Math.floor(sent.length / 2);
      const answers = sent.map((event, n) => {
        if (n === half) void first.kill();
        return first.send(receivedEvent(event));
      });
      const statuses = await Promise.all(answers);
      await first.kill();
      const untaken = sent.filter((_, n) => statuses[n] !== 204);
      expect(untaken.length).toBeGreaterThan(0);
      await deliver(untaken, open().handle);
      await expectContents(feed, contents);
    });

    test('loses and doubles nothing, when the server is killed in the middle', async () => {
      const feed = nextFeed();
      const { events, contents } = makeSinkRun(feed, 3);
      const { handle, server } = open();
      const sent = shuffle(events, 3);
      const half = Math.floor(sent.length / 2);
      await deliver(sent.slice(0, half), handle);
      const second = deliver(sent.slice(half), handle, 8);
      await server.kill();
      await server.start();
      await second;
      await expectContents(feed, contents);
    });

    test('answers in time what can be tried again, when the server is away, and goes on when it is back', async () => {
      const feed = nextFeed();
      const { events, contents } = makeSinkRun(feed, 4);
      const { handle, server } = open();
      await server.kill();
      const startedMs = performance.now();
      const [event] = events;
      if (event === undefined) throw new Error('no event');
      await expect(handle(receivedEvent(event))).rejects.toThrow(RetryableError);
      expect(performance.now() - startedMs).toBeLessThan(MAX_WAIT_MS);
      await server.start();
      await deliver(events, handle);
      await expectContents(feed, contents);
    });

    test('refuses what can never be written, and writes nothing of it', async () => {
      const feed = nextFeed();
      const { events } = makeSinkRun(feed, 5);
      const { handle } = open();
      const ofType = (type: string): ReceivedEvent => {
        const event = events.find((one) => one.type === type);
        if (event === undefined) throw new Error(`no event of ${type}`);
        return receivedEvent(event);
      };
      for (const type of [EVENT_TYPES.trades, EVENT_TYPES.candles, EVENT_TYPES.indicators]) {
        await expect(handle({ ...ofType(type), data: { shard: 'nobody' } })).rejects.toThrow(PoisonError);
      }
      for (const type of [EVENT_TYPES.candles, EVENT_TYPES.indicators]) {
        const { data, ...rest } = ofType(type);
        const astray = { ...rest, data: { ...(data as object), shard: 'no feed' } };
        await expect(handle(astray)).rejects.toThrow(PoisonError);
      }
      const found = await open().read(feed);
      expect([...found.trades, ...found.candles, ...found.indicators, ...(found.newest ?? [])]).toEqual([]);
    });
  });
}

/** Each of them 1 to 5 times, in an order of chance. */
function shuffle(events: readonly MarketEvent[], seed: number): readonly MarketEvent[] {
  const random = createRandom(seed);
  return events
    .flatMap((event) => Array.from({ length: 1 + random.below(5) }, () => event))
    .map((event) => ({ event, place: random.below(1_000_000) }))
    .toSorted((a, b) => a.place - b.place)
    .map(({ event }) => event);
}
