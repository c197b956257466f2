import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createTradeMemory, tradeIdOf, type TradeTuple } from './trade-identity.ts';

const START_MS = 1_764_000_000_000;

/** Few tuples, so that twins and repeats are common; all within a minute of each other. */
const tuples: fc.Arbitrary<TradeTuple> = fc.record({
  symbol: fc.constant('AAPL'),
  eventTimeMs: fc.constantFrom(START_MS, START_MS + 1),
  price: fc.constantFrom(1, 1.5),
  size: fc.constant(1),
  conditions: fc.constantFrom(null, ['1']),
});

/** What the connections of a feed deliver, one after the other. */
const connections = fc.array(fc.array(tuples, { maxLength: 12 }), { maxLength: 4 });

const nameOf = (tuple: TradeTuple): string => JSON.stringify(tuple);

/** The model: a trade is new if its tuple stood more often on this connection than on any before it. */
function naiveIds(delivered: readonly (readonly TradeTuple[])[]): readonly (string | null)[][] {
  const most = new Map<string, number>();
  return delivered.map((connection) => {
    const here: string[] = [];
    const ids = connection.map((tuple) => {
      here.push(nameOf(tuple));
      const count = here.filter((name) => name === nameOf(tuple)).length;
      return count > (most.get(nameOf(tuple)) ?? 0) ? tradeIdOf(tuple, count) : null;
    });
    for (const name of here) {
      most.set(name, Math.max(most.get(name) ?? 0, here.filter((other) => other === name).length));
    }
    return ids;
  });
}

test('identify() agrees with a multiset per connection, when reconnects deliver trades again', () => {
  fc.assert(
    fc.property(connections, (delivered) => {
      const memory = createTradeMemory();
      const ids = delivered.map((connection, index) =>
        connection.map((tuple) => memory.identify(tuple, index + 1)),
      );
      expect(ids).toEqual(naiveIds(delivered));
      const given = ids.flat().filter((id) => id !== null);
      expect(new Set(given).size).toBe(given.length);
      expect(memory.size()).toBe(new Set(delivered.flat().map(nameOf)).size);
    }),
    { numRuns: 500 },
  );
});

test('identify() counts every trade exactly once, when reconnects deliver the last milliseconds again', () => {
  // Any number of twins in each of a few milliseconds, and reconnects that begin at one of them again.
  const feeds = fc.tuple(
    fc.array(tuples, { maxLength: 20 }).map((some) => some.toSorted((a, b) => a.eventTimeMs - b.eventTimeMs)),
    fc.array(fc.tuple(fc.nat(20), fc.integer({ min: 0, max: 2 })), { maxLength: 3 }),
  );
  fc.assert(
    fc.property(feeds, ([feed, cuts]) => {
      const memory = createTradeMemory();
      const counted: TradeTuple[] = [];
      const deliver = (from: number, to: number, connection: number): void => {
        for (const tuple of feed.slice(from, to)) {
          if (memory.identify(tuple, connection) !== null) counted.push(tuple);
        }
      };
      let reached = 0;
      for (const [index, [cut, back]] of cuts.entries()) {
        const to = Math.max(reached, Math.min(cut, feed.length));
        const from = feed.findIndex(({ eventTimeMs }) => eventTimeMs >= START_MS + 2 - back);
        deliver(index === 0 ? 0 : Math.min(from < 0 ? reached : from, reached), to, index + 1);
        reached = to;
      }
      deliver(0, feed.length, cuts.length + 1);
      expect(counted.map(nameOf).toSorted()).toEqual(feed.map(nameOf).toSorted());
    }),
  );
});

test('remember() makes a new memory answer like the old one, when ingest restarts', () => {
  fc.assert(
    fc.property(connections, fc.array(tuples, { maxLength: 12 }), (delivered, after) => {
      const old = createTradeMemory();
      const ids = delivered.flatMap((connection, index) =>
        connection.map((tuple) => old.identify(tuple, index + 1)),
      );
      const fresh = createTradeMemory();
      for (const id of ids.toReversed()) if (id !== null) fresh.remember(id);
      expect(after.map((tuple) => fresh.identify(tuple, 1))).toEqual(
        after.map((tuple) => old.identify(tuple, delivered.length + 1)),
      );
    }),
  );
});

const TUPLE: TradeTuple = {
  symbol: 'AAPL',
  eventTimeMs: START_MS,
  price: 122.1,
  size: 1,
  conditions: null,
};

test.each([
  '',
  'finnhub-17',
  '1723161255342',
  'x.y.z',
  `${tradeIdOf(TUPLE, 1)}.1`,
  ` ${tradeIdOf(TUPLE, 1)}`,
  'MIVUDTS0.0123456789ABCD.1',
])('remember() ignores an id of another form, when it is %j', (id) => {
  const memory = createTradeMemory();
  memory.remember(id);
  expect(memory.size()).toBe(0);
});

test('forgetOutside() forgets whole minutes that are older, when time goes on', () => {
  const memory = createTradeMemory();
  const minute = START_MS - (START_MS % 60_000);
  for (const offsetMs of [-1, 0, 59_999, 60_000]) {
    memory.identify({ ...TUPLE, eventTimeMs: minute + offsetMs }, 1);
  }
  memory.forgetOutside([[minute + 59_999, Number.POSITIVE_INFINITY]]);
  expect(memory.size()).toBe(3);
  expect(memory.identify({ ...TUPLE, eventTimeMs: minute }, 2)).toBeNull();
  memory.forgetOutside([[minute + 60_000, Number.POSITIVE_INFINITY]]);
  expect(memory.size()).toBe(1);
  expect(memory.identify({ ...TUPLE, eventTimeMs: minute + 60_000 }, 2)).toBeNull();
});

test('forgetOutside() keeps what any of the spans touches, and forgets what lies between them', () => {
  const memory = createTradeMemory();
  const minute = START_MS - (START_MS % 60_000);
  for (let n = 0; n < 10; n++) memory.identify({ ...TUPLE, eventTimeMs: minute + n * 60_000 }, 1);
  memory.forgetOutside([
    [minute + 8 * 60_000, Number.POSITIVE_INFINITY],
    [minute + 119_999, minute + 120_000],
  ]);
  expect(memory.size()).toBe(4);
});

test('forgetOutside() keeps a minute of which something was seen lately', () => {
  const memory = createTradeMemory();
  memory.identify({ ...TUPLE, eventTimeMs: 60_000 }, 1, 500);
  memory.identify({ ...TUPLE, eventTimeMs: 120_000 }, 1, 499);
  memory.forgetOutside([], 500);
  expect(memory.size()).toBe(1);
  expect(memory.identify({ ...TUPLE, eventTimeMs: 60_000 }, 2)).toBeNull();
});

test('tradeIdOf() never changes, when the tuple is the same', () => {
  // Golden: computed once by an independent FNV-1a. Ids stand in the log, and a restart compares new ones with
  // them.
  expect(tradeIdOf(TUPLE, 1)).toBe('midc1z40.0xbkeke1e4h5gh.1');
  expect(tradeIdOf(TUPLE, 36)).toBe(tradeIdOf(TUPLE, 1).replace(/1$/, '10'));
  expect(tradeIdOf({ ...TUPLE, conditions: undefined }, 1)).toBe(tradeIdOf(TUPLE, 1));
});

test('tradeIdOf() differs, when any part of the tuple differs', () => {
  const others: TradeTuple[] = [
    TUPLE,
    { ...TUPLE, symbol: 'MSFT' },
    { ...TUPLE, eventTimeMs: START_MS + 1 },
    { ...TUPLE, price: 122.11 },
    { ...TUPLE, price: '122.1' },
    { ...TUPLE, size: 2 },
    { ...TUPLE, conditions: [] },
    { ...TUPLE, conditions: ['1'] },
    { ...TUPLE, conditions: ['1', '8'] },
  ];
  expect(new Set(others.map((tuple) => tradeIdOf(tuple, 1))).size).toBe(others.length);
});

test("identify() takes the feed's own id alone, when it has one: no twins, and no second time on any connection", () => {
  const one: TradeTuple = {
    symbol: 'AAPL',
    eventTimeMs: START_MS,
    price: 1,
    size: 1,
    conditions: null,
    ownId: '7',
  };
  const memory = createTradeMemory();
  const id = memory.identify(one, 1);
  expect(id).toBe(tradeIdOf(one, 1));
  expect(memory.identify(one, 1)).toBeNull();
  expect(memory.identify({ ...one, price: 2 }, 2)).toBeNull();
  expect(memory.identify({ ...one, ownId: '8' }, 1)).not.toBeNull();
  expect(memory.identify({ ...one, symbol: 'MSFT' }, 1)).not.toBeNull();
  // And after a restart, from the log alone.
  const next = createTradeMemory();
  next.remember(String(id));
  expect(next.identify(one, 1)).toBeNull();
});

const MINUTE_MS = 60_000;
const tupleAt = (symbol: string, eventTimeMs: number): TradeTuple => ({
  symbol,
  eventTimeMs,
  price: 1,
  size: 1,
  conditions: null,
});

test('mayHaveForgotten() says so of what came and was forgotten, and of nothing that is new', () => {
  const memory = createTradeMemory();
  for (let minute = 0; minute < 30; minute++)
    memory.identify(tupleAt('AAPL', START_MS + minute * MINUTE_MS), 1);
  expect(memory.mayHaveForgotten('AAPL', START_MS)).toBe(false);
  memory.forgetOutside([[START_MS + 20 * MINUTE_MS, Number.POSITIVE_INFINITY]]);
  const isForgotten = (minute: number, symbol = 'AAPL') =>
    memory.mayHaveForgotten(symbol, START_MS + minute * MINUTE_MS + 5);
  expect([0, 19, 20, 29, 30].map((minute) => isForgotten(minute))).toEqual([true, true, false, false, false]);
  // One that has not come yet, of whatever time, is new; and so is a later one of a symbol that is delayed.
  expect(isForgotten(3, 'LATE')).toBe(false);
  memory.identify(tupleAt('LATE', START_MS + 3 * MINUTE_MS), 1);
  expect([isForgotten(2, 'LATE'), isForgotten(4, 'LATE')]).toEqual([true, false]);
  // Whatever is remembered of that minute now, is not all of it.
  expect(isForgotten(2)).toBe(true);
});

test('mayHaveForgotten() says so of what came before the log was read back', () => {
  const [first, last] = [START_MS + 20 * MINUTE_MS, START_MS + 30 * MINUTE_MS];
  const memory = createTradeMemory();
  for (const eventTimeMs of [first, last])
    memory.remember(tradeIdOf(tupleAt('AAPL', eventTimeMs), 1), 0, 'AAPL');
  const times = [first - 2 * MINUTE_MS, first, first + MINUTE_MS, last + MINUTE_MS];
  expect(times.map((time) => memory.mayHaveForgotten('AAPL', time))).toEqual([true, false, false, false]);
  expect(memory.mayHaveForgotten('MSFT', first - 2 * MINUTE_MS)).toBe(false);
});

test('mayHaveForgotten() keeps a bounded number of minutes, and takes older ones for forgotten', () => {
  const memory = createTradeMemory();
  const minutes = 30_000;
  for (let minute = 0; minute <= minutes; minute++) {
    memory.identify(tupleAt('AAPL', START_MS + minute * MINUTE_MS), 1);
    if (minute % 1_000 === 0)
      memory.forgetOutside([[START_MS + minute * MINUTE_MS, Number.POSITIVE_INFINITY]]);
  }
  for (const minute of [0, 5_000, 25_000, minutes - 1])
    expect(memory.mayHaveForgotten('AAPL', START_MS + minute * MINUTE_MS)).toBe(true);
  expect(memory.mayHaveForgotten('AAPL', START_MS + minutes * MINUTE_MS)).toBe(false);
});
