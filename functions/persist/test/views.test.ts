import { e16, e8 } from '@kandle/market/number/fixed-point';
import { formatCandleBatch, type PublishedCandle } from '@kandle/market/candle/candle-batch';
import { createCassandra } from '@kandle/runtime/cassandra';
import { RetryableError } from '@kandle/runtime/errors';
import { formatFeedGap } from '@kandle/market/feed/feed-gap';
import { formatRawTrades } from '@kandle/testkit/raw-trades';
import type { Instrument } from '@kandle/market/instrument/instrument';
import { formatInstrument, formatListOutcome } from '@kandle/market/instrument/instrument-events';
import type { MarketEvent } from '@kandle/market/event/market-event';
import { BUCKET_MS, bucketOf } from '@kandle/market/view/buckets';
import * as fc from 'fast-check';
import { useTestKeyspace } from '@kandle/testkit/test-keyspace';
import { expect, test } from 'vitest';
import { createPersist } from '../src/handler.ts';
import { createViews } from '../src/views/views.ts';

const W0 = 1_700_000_000_000;
/** A bucket of `trades` begins here. */
const T0 = Math.ceil(W0 / BUCKET_MS.trades) * BUCKET_MS.trades;
/** The partition of the candles of {@link W0}. */
const CANDLES = `feed = 'finnhub' AND shard = 'finnhub-03' AND bucket = ${bucketOf('candles_5s', W0)}`;
const { client, settings } = useTestKeyspace('views');
const persist = createPersist({
  views: createViews(client, { writeConcurrency: 8, maxRowsPerBatch: 1_000 }),
  rows: { add: () => undefined },
  horizonMs: 900_000,
});

async function write(event: MarketEvent | undefined): Promise<void> {
  if (event === undefined) throw new Error('no event');
  const data: unknown = JSON.parse(JSON.stringify(event.data));
  await persist({ ...event, attributes: event.extensions, data, offset: null });
}

const CANDLE = {
  revision: 0,
  reason: null,
  complete: true,
  lastTradeMs: W0 + 4_000,
  openE8: e8(100_000_000n),
  highE8: e8(300_000_000n),
  lowE8: e8(100_000_000n),
  closeE8: e8(100_000_000n),
  volumeE8: e8(200_000_000n),
  notionalE16: e16(30_000_000_000_000_000n),
  priceSumE8: e8(300_000_000n),
  tradeCount: 2,
};

function candles(
  version: number,
  state: PublishedCandle['state'],
  symbols: readonly string[],
  close: bigint,
) {
  return formatCandleBatch({
    shard: 'finnhub-03',
    windowStartMs: W0,
    windowMs: 5_000,
    kind: state,
    version,
    candles: symbols.map((symbol) => ({ ...CANDLE, symbol, version, state, closeE8: e8(close) })),
  });
}

test('persist() keeps the newest version, when versions come in any order and twice', async () => {
  const [first, final, revised] = [
    candles(1, 'provisional', ['A'], 100_000_000n),
    candles(4, 'final', ['A'], 200_000_000n),
    candles(6, 'revised', ['A'], 300_000_000n),
  ];
  for (const [event] of [revised, first, final, revised, final, first]) await write(event);
  const rows = await client.execute(`SELECT * FROM candles_5s WHERE ${CANDLES} AND symbol = 'A'`);
  expect(rows.rows).toHaveLength(1);
  expect(rows.first()).toMatchObject({ close: 3, version: 6, state: 'revised', vwap: 1.5, mean_price: 1.5 });
  const versions = await client.execute(
    `SELECT version, close FROM candle_revisions WHERE ${CANDLES} AND symbol = 'A'`,
  );
  expect(versions.rows.map((row) => [row['version'], row['close']])).toEqual([
    [4, 2],
    [6, 3],
  ]);
});

test('persist() writes 1,500 symbols in one event', async () => {
  const symbols = Array.from({ length: 1_500 }, (_, n) => `S${String(n).padStart(4, '0')}`);
  const [event, ...more] = candles(2, 'final', symbols, 100_000_000n);
  const parts = [event, ...more].map((part) => part?.data as { readonly candles: readonly unknown[] });
  const data = { ...parts[0], candles: parts.flatMap((part) => part.candles) };
  if (event !== undefined) await write({ ...event, data });
  const rows = await client.execute(`SELECT symbol FROM candles_5s WHERE ${CANDLES}`, [], {
    fetchSize: 5_000,
  });
  expect(new Set(rows.rows.map((row) => String(row['symbol']))).size).toBeGreaterThanOrEqual(1_500);
});

test('persist() stores every trade once with exact numbers, when a batch of 400 over two buckets comes three times', async () => {
  const event = formatRawTrades({
    shard: 'finnhub-03',
    epoch: 1,
    sequence: 1,
    watermarkMs: W0,
    ingestTimeMs: W0,
    trades: Array.from({ length: 400 }, (_, n) => ({
      id: `t${n}`,
      symbol: 'T',
      eventTimeMs: T0 + (n - 200) * 10,
      priceE8: e8(6_183_763_000_000n + BigInt(n)),
      sizeE8: e8(9_000n),
    })),
  });
  for (let time = 0; time < 3; time++) await write(event);
  const rows = await client.execute(
    "SELECT time, price, size FROM trades WHERE symbol = 'T' ALLOW FILTERING",
  );
  expect(rows.rows).toHaveLength(400);
  const buckets = await client.execute('SELECT DISTINCT feed, shard, bucket FROM trades');
  expect(buckets.rows.map((row) => `${row['shard']} ${Number(row['bucket'])}`).toSorted()).toEqual([
    `finnhub-03 ${T0 - BUCKET_MS.trades}`,
    `finnhub-03 ${T0}`,
  ]);
  expect(rows.rows.every((row) => row['size'] === 0.00009)).toBe(true);
  expect(new Set(rows.rows.map((row) => row['price'])).size).toBe(400);
  const latest = await client.execute(
    "SELECT time, price, shard FROM latest WHERE feed = 'finnhub' AND symbol = 'T'",
  );
  expect(latest.first()).toMatchObject({ time: new Date(T0 + 1_990), shard: 'finnhub-03' });
});

test('persist() gives the event back, when Cassandra is away', async () => {
  const nobody = createCassandra({ ...settings, CASSANDRA_PORT: 1 });
  const views = createViews(nobody, { writeConcurrency: 8, maxRowsPerBatch: 200 });
  const [event] = candles(1, 'final', ['A'], 100_000_000n);
  if (event === undefined) throw new Error('no event');
  const away = createPersist({ views, rows: { add: () => undefined }, horizonMs: 900_000 })({
    ...event,
    attributes: event.extensions,
    offset: null,
  });
  await expect(away).rejects.toThrow(RetryableError);
  await nobody.shutdown();
});

const W1 = W0 + 5_000;

/** Events of one feed that meet in the same rows, and which rows they leave: read off, not computed. */
function meeting(feed: string): { readonly events: readonly MarketEvent[]; readonly rows: object } {
  const shard = `${feed}-00`;
  const batch = { shard, epoch: 1, watermarkMs: W0, ingestTimeMs: W0 };
  const trade = { symbol: 'A', sizeE8: e8(100_000_000n) };
  const gap = { shard, fromMs: W0, reason: 'silent', droppedRecords: 0 } as const;
  const versions = [
    { version: 2, state: 'provisional', closeE8: e8(110_000_000n), revision: 0, reason: null },
    { version: 3, state: 'final', closeE8: e8(120_000_000n), revision: 0, reason: 'late_first' },
    { version: 5, state: 'revised', closeE8: e8(130_000_000n), revision: 1, reason: null, complete: false },
  ] as const;
  const window = { shard, windowMs: 5_000 };
  const instrument: Instrument = {
    feed,
    list: 'stocks:US',
    id: 'figi:BBG1',
    ticker: 'A',
    market: 'XNAS',
    currency: 'USD',
    type: 'Common Stock',
    description: 'A',
    figi: 'BBG1',
    isin: '',
    status: 'active',
    absences: 0,
    validFromMs: W0,
    validToMs: null,
    changedAtMs: W0,
  };
  const list = { feed, list: 'stocks:US', takenAtMs: W0, refusal: '', active: 1 };
  return {
    events: [
      ...versions.flatMap(({ version, state, ...changed }) =>
        [W0, W1].flatMap((windowStartMs) =>
          formatCandleBatch({
            ...window,
            windowStartMs,
            kind: state,
            version,
            candles: [{ ...CANDLE, symbol: 'A', version, state, ...changed }],
          }),
        ),
      ),
      formatRawTrades({
        ...batch,
        sequence: 999,
        trades: [{ ...trade, id: 'a', eventTimeMs: W0, priceE8: e8(900_000_000n) }],
      }),
      formatRawTrades({
        ...batch,
        sequence: 1_000,
        trades: [{ ...trade, id: 'b', eventTimeMs: W0, priceE8: e8(200_000_000n) }],
      }),
      formatRawTrades({
        ...batch,
        sequence: 1_001,
        trades: [{ ...trade, id: 'c', eventTimeMs: W0 - 1, priceE8: e8(500_000_000n) }],
      }),
      formatFeedGap({ ...gap, toMs: W0 + 10 }, 1),
      formatFeedGap({ ...gap, toMs: W0 + 20 }, 1),
      formatInstrument(instrument),
      formatInstrument({ ...instrument, status: 'inactive', validToMs: W0 + 9, changedAtMs: W0 + 1 }),
      formatInstrument({ ...instrument, description: 'back', changedAtMs: W0 + 2 }),
      formatInstrument({ ...instrument, id: 'figi:BBG2', validFromMs: W0 + 9 }),
      formatListOutcome({ ...list, triedAtMs: W0 }),
      formatListOutcome({ ...list, triedAtMs: W0 + 1, refusal: 'it shrank' }),
    ],
    rows: {
      candles_5s: [W0, W1].map(() => ({
        version: 5,
        close: 1.3,
        state: 'revised',
        reason: '',
        complete: false,
      })),
      candle_revisions: [W0, W1].flatMap(() => [
        { version: 3, close: 1.2, state: 'final', reason: 'late_first', complete: true },
        { version: 5, close: 1.3, state: 'revised', reason: '', complete: false },
      ]),
      trades: [
        { id: 'c', price: 5 },
        { id: 'a', price: 9 },
        { id: 'b', price: 2 },
      ],
      latest: [{ time: new Date(W0), price: 2 }],
      feed_gaps: [{ to_time: new Date(W0 + 20) }],
      instruments: [
        { id: 'figi:BBG1', description: 'back', status: 'active', valid_to: null },
        { id: 'figi:BBG2', description: 'A', status: 'active', valid_to: null },
      ],
      instrument_lists: [{ taken_at: new Date(W0), refusal: 'it shrank' }],
    },
  };
}

const PARTITION = 'feed = :feed AND shard = :shard';
const READS = {
  candles_5s: `version, close, state, reason, complete FROM candles_5s WHERE ${PARTITION} AND bucket = ${bucketOf('candles_5s', W0)} AND symbol = 'A'`,
  candle_revisions: `version, close, state, reason, complete FROM candle_revisions WHERE ${PARTITION} AND bucket = ${bucketOf('candle_revisions', W0)} AND symbol = 'A'`,
  trades: `id, price FROM trades WHERE ${PARTITION} AND bucket IN (${T0 - 2 * BUCKET_MS.trades}, ${T0 - BUCKET_MS.trades}) AND symbol = 'A'`,
  latest: 'time, price FROM latest WHERE feed = :feed',
  feed_gaps: "to_time FROM feed_gaps WHERE feed = :feed AND day = '2023-11-14'",
  instruments: 'id, description, status, valid_to FROM instruments WHERE feed = :feed',
  instrument_lists: 'taken_at, refusal FROM instrument_lists WHERE feed = :feed',
};

async function readViews(feed: string): Promise<object> {
  const read = Object.entries(READS).map(async ([view, columns]) => {
    const { rows } = await client.execute(`SELECT ${columns}`, { feed, shard: `${feed}-00` });
    return [view, rows.map((row) => ({ ...row }))] as const;
  });
  return Object.fromEntries(await Promise.all(read));
}

test('persist() leaves the same rows in all views, in any order, several at once, and however often', async () => {
  let run = 0;
  await fc.assert(
    fc.asyncProperty(fc.infiniteStream(fc.nat()), fc.integer({ min: 1, max: 4 }), async (random, atOnce) => {
      const feed = `order-${run++}`;
      const { events, rows } = meeting(feed);
      const again = events.filter(() => (random.next().value ?? 0) % 2 === 0);
      const order = [...events, ...again]
        .map((event) => ({ event, place: random.next().value ?? 0 }))
        .toSorted((a, b) => a.place - b.place);
      for (let from = 0; from < order.length; from += atOnce) {
        await Promise.all(order.slice(from, from + atOnce).map(({ event }) => write(event)));
      }
      expect(await readViews(feed)).toEqual(rows);
    }),
    { numRuns: 40 },
  );
});
