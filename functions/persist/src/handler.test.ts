import { e16, e8 } from '@kandle/market/number/fixed-point';
import { formatCandleBatch, type PublishedCandle } from '@kandle/market/candle/candle-batch';
import { type DataKind, formatRawBooksOrNews } from '@kandle/market/feed/books-and-news';
import { formatFeedGap } from '@kandle/market/feed/feed-gap';
import type { MarketEvent } from '@kandle/market/event/market-event';
import { BUCKET_MS } from '@kandle/market/view/buckets';
import { EVENT_TYPES } from '@kandle/market/event/topics';
import type { TradeBatch } from '@kandle/market/trade/trade-batch';
import { PoisonError } from '@kandle/runtime/errors';
import type { ReceivedEvent } from '@kandle/runtime/received-event';
import { formatRawTrades } from '@kandle/testkit/raw-trades';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createPersist, rowsOf as rowsWithin } from './handler.ts';
import { tradeRows } from './views/trade-rows.ts';
import { VIEWS, type ViewRow, type ViewValue } from './views/view-rows.ts';

const W0 = 1_700_000_000_000;
const HEADER = { shard: 'sim-03', epoch: 1, sequence: 1, watermarkMs: 0, ingestTimeMs: W0 };

const HORIZON_MS = 900_000;

const rowsOf = (event: ReceivedEvent) => rowsWithin(event, HORIZON_MS);

function received(event: MarketEvent): ReceivedEvent {
  return {
    ...event,
    attributes: event.extensions,
    data: JSON.parse(JSON.stringify(event.data)),
    offset: null,
  };
}

function tradesEvent(
  sequence: number,
  trades: readonly { id: string; timeMs: number; price: bigint }[],
  epoch = 1,
) {
  return received(
    formatRawTrades({
      shard: 'finnhub-03',
      epoch,
      sequence,
      watermarkMs: W0,
      ingestTimeMs: W0,
      trades: trades.map(({ id, timeMs, price }) => ({
        id,
        symbol: 'A',
        eventTimeMs: timeMs,
        priceE8: e8(price),
        sizeE8: e8(50_000_000n),
      })),
    }),
  );
}

function candle(version: number, state: PublishedCandle['state'], close = 100_000_000n): PublishedCandle {
  const life = { revision: 0, reason: null, complete: true, lastTradeMs: W0 + 4_000 };
  const counts = { ...life, tradeCount: 2, volumeE8: e8(200_000_000n) };
  const prices = { openE8: e8(100_000_000n), highE8: e8(close), lowE8: e8(100_000_000n), closeE8: e8(close) };
  return {
    symbol: 'A',
    version,
    state,
    ...counts,
    ...prices,
    notionalE16: e16(20_000_000_000_000_000n),
    priceSumE8: e8(300_000_000n),
  };
}

function candlesEvent(version: number, state: PublishedCandle['state'], close?: bigint): ReceivedEvent {
  const [event] = formatCandleBatch({
    shard: 'finnhub-03',
    windowStartMs: W0,
    windowMs: 5_000,
    kind: state,
    version,
    candles: [candle(version, state, close)],
  });
  if (event === undefined) throw new Error('no event');
  return received(event);
}

type Columns = Readonly<Record<string, ViewValue>>;

/** What Cassandra keeps of rows: by primary key the one with the largest timestamp, the later one of equals. */
function table(rows: readonly ViewRow[]): ReadonlyMap<string, Columns> {
  const kept = new Map<string, ViewRow>();
  for (const row of rows) {
    const columns: Columns = row.columns;
    const names = VIEWS[row.view].columns.slice(0, VIEWS[row.view].keyColumns);
    const key = JSON.stringify([row.view, ...names.map((name) => columns[name])]);
    const before = kept.get(key);
    if (before === undefined || row.timestamp >= before.timestamp) kept.set(key, row);
  }
  const sorted = [...kept].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return new Map(sorted.map(([key, { columns }]) => [key, columns]));
}

test('rowsOf() makes one partition per bucket of 30 seconds, when a batch crosses its end', () => {
  const bucket = Math.ceil(W0 / BUCKET_MS.trades) * BUCKET_MS.trades;
  const partitions = rowsOf(
    tradesEvent(1, [
      { id: 'a', timeMs: bucket - 1, price: 6_183_763_000_000n },
      { id: 'b', timeMs: bucket, price: 100_000_000n },
    ]),
  );
  const key = { feed: 'finnhub', shard: 'finnhub-03', symbol: 'A' };
  const before = bucket - BUCKET_MS.trades;
  expect(partitions.map((rows) => rows.map(({ view, columns }) => ({ view, ...columns })))).toEqual([
    [{ view: 'trades', ...key, bucket: before, time: bucket - 1, id: 'a', price: 61_837.63, size: 0.5 }],
    [{ view: 'trades', ...key, bucket, time: bucket, id: 'b', price: 1, size: 0.5 }],
    [{ view: 'latest', ...key, time: bucket, price: 1, size: 0.5 }],
  ]);
});

test('rowsOf() makes one partition of an event for a view, and of final candles for both of theirs, however many symbols it has', () => {
  const symbols = Array.from({ length: 400 }, (_, n) => `S${n}`);
  const trades = received(
    formatRawTrades({
      ...HEADER,
      watermarkMs: W0,
      trades: symbols.map((symbol) => {
        return { id: symbol, symbol, eventTimeMs: W0, priceE8: e8(1n), sizeE8: e8(1n) };
      }),
    }),
  );
  expect(rowsOf(trades).map((rows) => [rows[0]?.view, rows.length])).toEqual([
    ['trades', 400],
    ['latest', 400],
  ]);
  const events = formatCandleBatch({
    shard: 'finnhub-03',
    windowStartMs: W0,
    windowMs: 5_000,
    kind: 'final',
    version: 2,
    candles: symbols.map((symbol) => ({ ...candle(2, 'final'), symbol })),
  });
  for (const event of events) {
    const { candles } = event.data as { candles: readonly unknown[] };
    expect(rowsOf(received(event)).map((rows) => rows.length)).toEqual([2 * candles.length]);
  }
});

test('rowsOf() keeps the last of the trades of one millisecond in latest, within a batch and across two', () => {
  const rows = [
    ...rowsOf(tradesEvent(2, [{ id: 'c', timeMs: W0, price: 300n }])),
    ...rowsOf(
      tradesEvent(1, [
        { id: 'a', timeMs: W0, price: 100n },
        { id: 'b', timeMs: W0, price: 200n },
      ]),
    ),
  ].flat();
  const latest = [...table(rows)].filter(([key]) => key.includes('latest'));
  expect(latest.map(([, columns]) => columns['price'])).toEqual([0.000003]);
});

/** Batches in the order of their arrival: of writers that started before and after the trades' milliseconds. */
const arrivals = fc
  .array(
    fc.record({
      epoch: fc.constantFrom(W0 - 90_000, W0 + 1_000),
      sequence: fc.constantFrom(1, 2, 999, 1_000, 1_001, 9_999, 10_000, 1_048_575),
      timeMs: fc.constantFrom(W0 - 1, W0, W0 + 1),
    }),
    { minLength: 1, maxLength: 8 },
  )
  .map((batches) => batches.toSorted((a, b) => a.epoch - b.epoch || a.sequence - b.sequence));

test('rowsOf() keeps the last trade by time and arrival in latest, across a thousand batches and a new epoch', () => {
  fc.assert(
    fc.property(arrivals, fc.boolean(), (batches, isReversed) => {
      const events = batches.map(({ epoch, sequence, timeMs }, n) =>
        tradesEvent(sequence, [{ id: String(n), timeMs, price: BigInt(n + 1) * 100_000_000n }], epoch),
      );
      const rows = (isReversed ? events.toReversed() : events).flatMap((event) => rowsOf(event).flat());
      const [newest] = batches
        .map((batch, n) => ({ ...batch, n }))
        .toSorted((a, b) => b.timeMs - a.timeMs || b.epoch - a.epoch || b.sequence - a.sequence || b.n - a.n);
      const same = batches.flatMap(({ epoch, sequence, timeMs }, n) =>
        epoch === newest?.epoch && sequence === newest.sequence && timeMs === newest.timeMs ? [n + 1] : [],
      );
      const found = [...table(rows)].find(([key]) => key.includes('latest'));
      expect(same).toContain(found?.[1]['price']);
    }),
  );
});

test('rowsOf() puts each number of a candle into the column of its name', () => {
  const numbers = { openE8: e8(2n), highE8: e8(5n), lowE8: e8(1n), closeE8: e8(3n), volumeE8: e8(4n) };
  const [event] = formatCandleBatch({
    shard: 'finnhub-03',
    windowStartMs: W0,
    windowMs: 5_000,
    kind: 'revised',
    version: 6,
    candles: [{ ...candle(6, 'revised'), ...numbers, revision: 7, reason: 'late_trade', complete: false }],
  });
  if (event === undefined) throw new Error('no event');
  const [row] = rowsOf(received(event)).flat();
  expect(row?.columns).toMatchObject({
    feed: 'finnhub',
    shard: 'finnhub-03',
    bucket: W0 - (W0 % 600_000),
    symbol: 'A',
    start: W0,
    version: 6,
    open: 2e-8,
    high: 5e-8,
    low: 1e-8,
    close: 3e-8,
    volume: 4e-8,
    trade_count: 2,
    state: 'revised',
    revision: 7,
    reason: 'late_trade',
    complete: false,
  });
  expect(row?.timestamp).toBe(BigInt(W0) * 1_000n + 6n);
});

test('rowsOf() writes only final and revised candles to candle_revisions', () => {
  expect(
    rowsOf(candlesEvent(1, 'provisional'))
      .flat()
      .map(({ view }) => view),
  ).toEqual(['candles_5s']);
  expect(
    rowsOf(candlesEvent(2, 'final'))
      .flat()
      .map(({ view }) => view),
  ).toEqual(['candles_5s', 'candle_revisions']);
});

test('rowsOf() leaves the same tables, whatever the order of the events and however often they come', () => {
  const events = [
    candlesEvent(1, 'provisional', 100_000_000n),
    candlesEvent(3, 'final', 300_000_000n),
    candlesEvent(4, 'revised', 400_000_000n),
    tradesEvent(1, [{ id: 'a', timeMs: W0, price: 100n }]),
    tradesEvent(2, [{ id: 'b', timeMs: W0, price: 200n }]),
    tradesEvent(3, [{ id: 'c', timeMs: W0 - 5, price: 300n }]),
    received(
      formatFeedGap(
        { shard: 'finnhub-03', fromMs: W0, toMs: W0 + 9, reason: 'silent', droppedRecords: 0 },
        1,
      ),
    ),
  ];
  const expected = table(events.flatMap((event) => rowsOf(event).flat()));
  const newest = [...expected]
    .filter(([key]) => key.includes('candles_5s'))
    .map(([, columns]) => columns['close']);
  expect(newest).toEqual([4]);
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...events), { maxLength: 12 }), (repeats) => {
      const shuffled = [...repeats, ...events.toReversed(), ...repeats];
      expect(table(shuffled.flatMap((event) => rowsOf(event).flat()))).toEqual(expected);
    }),
  );
});

test('rowsOf() writes no null, for Grafana draws it as 0', () => {
  for (const event of [candlesEvent(2, 'final'), tradesEvent(1, [{ id: 'a', timeMs: W0, price: 1n }])]) {
    for (const { view, columns } of rowsOf(event).flat()) {
      expect(Object.keys(columns).toSorted()).toEqual([...VIEWS[view].columns].toSorted());
      expect(Object.values(columns).every((value) => value !== null && value !== undefined)).toBe(true);
    }
  }
});

/** The data of a candle event with another volume. */
function withVolume(volumeE8: number): unknown {
  const { candles, ...data } = candlesEvent(1, 'final').data as { candles: readonly object[] };
  return { ...data, candles: candles.map((candle) => ({ ...candle, volumeE8 })) };
}

test('rowsOf() keeps the longest report of a gap, in any order', () => {
  const reports = [4, 9, 7].map((toMs) =>
    received(
      formatFeedGap(
        { shard: 'finnhub-03', fromMs: W0, toMs: W0 + toMs, reason: 'silent', droppedRecords: 0 },
        1,
      ),
    ),
  );
  for (const order of [reports, reports.toReversed()]) {
    const [row] = table(order.flatMap((event) => rowsOf(event).flat())).values();
    expect(row?.['to_time']).toBe(W0 + 9);
  }
});

test.each([
  ['records that are none', { ...tradesEvent(1, []), data: { records: [{ id: 'a' }] } }],
  ["a clean batch, which is aggregate's", { ...tradesEvent(1, []), type: EVENT_TYPES.trades }],
  ['no data', { ...candlesEvent(1, 'final'), data: null }],
  ['a type that is not ours', { ...candlesEvent(1, 'final'), type: EVENT_TYPES.rejects }],
  [
    'a shard without a feed',
    {
      ...candlesEvent(1, 'final'),
      data: { shard: 'x', windowStartMs: W0, windowMs: 5_000, kind: 'final', version: 1, candles: [] },
    },
  ],
  ['a version that is no int', candlesEvent(2 ** 31, 'final')],
  ['a volume of 0', { ...candlesEvent(1, 'final'), data: withVolume(0) }],
])('rowsOf() refuses for ever, when an event has %s', (_, event) => {
  expect(() => rowsOf(event)).toThrow(PoisonError);
});

test('createPersist() counts the rows by view, when they are written', async () => {
  const added: unknown[] = [];
  const rows = { add: (...values: unknown[]) => void added.push(values) };
  const event = tradesEvent(1, [
    { id: 'a', timeMs: W0, price: 1n },
    { id: 'b', timeMs: W0 + 1, price: 2n },
  ]);
  await createPersist({ views: { write: () => Promise.resolve() }, rows, horizonMs: HORIZON_MS })(event);
  expect(added).toEqual([
    [2, { view: 'trades' }],
    [1, { view: 'latest' }],
  ]);
  const refuses = { write: () => Promise.reject(new Error('away')) };
  await expect(createPersist({ views: refuses, rows, horizonMs: HORIZON_MS })(event)).rejects.toThrow('away');
  expect(added).toHaveLength(2);
});

function booksEvent(...records: readonly Readonly<Record<string, unknown>>[]): ReceivedEvent {
  return rawEvent('books', W0, records);
}

function newsEvent(ingestTimeMs: number, record: Readonly<Record<string, unknown>>): ReceivedEvent {
  return rawEvent('news', ingestTimeMs, [
    { id: 5, datetime: W0 / 1_000, headline: 'x', related: 'A', ...record },
  ]);
}

function rawEvent(
  kind: DataKind,
  ingestTimeMs: number,
  records: readonly Readonly<Record<string, unknown>>[],
): ReceivedEvent {
  const batch = { ...HEADER, ingestTimeMs, records: records.map((record) => ({ id: 'x', record })) };
  return received(formatRawBooksOrNews(kind, batch));
}

test('rowsOf() makes a row of a book with its best levels, and the same row of a repeat', () => {
  const book = {
    s: 'A',
    t: W0,
    b: [
      [184.2, 5],
      [184.1, 7],
    ],
    a: [[184.3, 2]],
  };
  const rows = rowsOf(booksEvent(book, { ...book, t: W0 + 1, a: [[184.4, 2]] }, { ...book, s: 'B' }));
  expect(rows.map((partition) => partition.length)).toEqual([3]);
  expect(rows[0]?.[0]).toEqual({
    view: 'order_books',
    columns: {
      feed: 'sim',
      shard: 'sim-03',
      bucket: W0 - (W0 % 30_000),
      symbol: 'A',
      time: W0,
      id: expect.any(String),
      bid: 184.2,
      bid_size: 5,
      ask: 184.3,
      ask_size: 2,
      mid: 184.25,
      spread: 0.1,
      bids: '[[184.2,5],[184.1,7]]',
      asks: '[[184.3,2]]',
    },
    timestamp: BigInt(W0) * 1_000n,
  });
  const twice = [...rowsOf(booksEvent(book)), ...rowsOf(booksEvent(book))].flat();
  expect(table(twice).size).toBe(1);
});

test('rowsOf() keeps what ingest saw last of a piece of news, in any order, and says whether it is rated', () => {
  const events = [newsEvent(W0, {}), newsEvent(W0 + 5, { headline: 'y', sentiment: -0.5 })];
  for (const order of [events, events.toReversed()]) {
    const [row, ...others] = table(order.flatMap((event) => rowsOf(event).flat())).values();
    const rating = { feed: 'sim', time: W0, symbol: 'A', id: '5', sentiment: -0.5, rated: true };
    expect(others).toEqual([{ ...rating, bucket: W0 - (W0 % 3_600_000) }]);
    expect(row).toEqual({
      feed: 'sim',
      symbol: 'A',
      day: '2023-11-14',
      time: W0,
      id: '5',
      headline: 'y',
      summary: '',
      source: '',
      category: '',
      url: '',
      sentiment: -0.5,
      rated: true,
    });
  }
  expect(rowsOf(newsEvent(W0, {}))[0]?.[0]?.columns).toMatchObject({ sentiment: 0, rated: false });
});

test('rowsOf() leaves out what transform refuses: trades, books and news', () => {
  const late = tradesEvent(1, [
    { id: 'a', timeMs: W0 - HORIZON_MS - 1, price: 1n },
    { id: 'b', timeMs: W0 - HORIZON_MS, price: 1n },
  ]);
  expect(rowsOf(late).flat()).toMatchObject([{ columns: { id: 'b' } }, { view: 'latest' }]);
  const malformed = { ...late, data: { records: [{ id: 'a', record: { s: 'A', p: 'x', t: W0, v: 1 } }] } };
  expect(rowsOf(malformed)).toEqual([]);
  expect(rowsOf(booksEvent({ s: 'A', t: W0, b: [], a: [[1, 1]] }))).toEqual([]);
  expect(rowsOf(newsEvent(W0, { headline: '' })).flat()).toEqual([]);
});

test('tradeRows() refuses a time beyond the year 2255', () => {
  const trade = { id: 'a', symbol: 'A', eventTimeMs: Number.MAX_SAFE_INTEGER - 1_000 };
  const trades = [{ ...trade, priceE8: e8(1n), sizeE8: e8(1n) }];
  expect(() => tradeRows({ ...HEADER, trades })).toThrow(RangeError);
});

test('rowsOf() makes candles of looks that say so, without an average price, and no rows of trades', () => {
  const numbers = { volumeE8: e8(0n), notionalE16: e16(0n) };
  const [event] = formatCandleBatch({
    shard: 'yahoo-03',
    windowStartMs: W0,
    windowMs: 5_000,
    kind: 'final',
    version: 4,
    sampled: true,
    candles: [{ ...candle(4, 'final'), ...numbers }],
  });
  if (event === undefined) throw new Error('no event');
  const rows = rowsOf(received(event)).flat();
  expect(rows.map(({ view }) => view)).toEqual(['candles_5s', 'candle_revisions']);
  for (const { columns } of rows)
    expect(columns).toMatchObject({ sampled: true, volume: 0, vwap: Number.NaN, notional: Number.NaN });

  const look = { id: 'a', symbol: 'A', eventTimeMs: W0, priceE8: e8(100_000_000n), sizeE8: e8(0n) };
  const header = { shard: 'yahoo-03', epoch: 1, sequence: 1, watermarkMs: W0, ingestTimeMs: W0 };
  const looks = tradeRows({ ...header, sampled: true, trades: [look] });
  expect(looks.flat().map(({ view }) => view)).toEqual(['latest']);
});

test('tradeRows() stores the conditions of a trade that has any, and what they leave of it', () => {
  const trade = { symbol: 'IWM', eventTimeMs: W0, priceE8: e8(100_000_000n), sizeE8: e8(1n) };
  const header = { shard: 'finnhub-03', epoch: 1, sequence: 1, watermarkMs: W0, ingestTimeMs: W0 };
  const trades = [
    { ...trade, id: 'plain' },
    { ...trade, id: 'odd', conditions: '1,12', rank: 2 as const },
    { ...trade, id: 'regular', conditions: '1' },
    { ...trade, id: 'update', sizeE8: e8(0n), rank: 3 as const },
  ];
  const rows = tradeRows({ ...header, trades }).flat();
  expect(rows.filter(({ view }) => view !== 'latest')).toMatchObject([
    { view: 'trades', columns: { id: 'plain' } },
    { view: 'conditioned_trades', columns: { id: 'odd', conditions: '1,12', price_rank: 2 } },
    { view: 'conditioned_trades', columns: { id: 'regular', conditions: '1', price_rank: 0 } },
  ]);
});

test('tradeRows() takes a price that is not the market for the latest only when no better one is near', () => {
  const batchAt = (eventTimeMs: number, price: bigint, rank: 0 | 2) => {
    const trade = { id: 'a', symbol: 'IWM', eventTimeMs, priceE8: e8(price), sizeE8: e8(1n) };
    const header = { shard: 'finnhub-03', epoch: 1, sequence: 1, watermarkMs: W0, ingestTimeMs: W0 };
    return { ...header, trades: [rank === 0 ? trade : { ...trade, rank }] };
  };
  const latestOf = (batches: readonly TradeBatch[]) =>
    [...table(batches.flatMap((batch) => tradeRows(batch).flat()))]
      .filter(([key]) => key.includes('latest'))
      .map(([, { time }]) => Number(time) - W0);
  const market = batchAt(W0, 1n, 0);
  for (const [atMs, latestMs] of [
    [4_999, 0],
    [5_001, 5_001],
  ] as const) {
    const other = batchAt(W0 + atMs, 9n, 2);
    expect([latestOf([market, other]), latestOf([other, market])]).toEqual([[latestMs], [latestMs]]);
  }
});

test('rowsOf() makes candles of price updates that say so, beside others of the same feed', () => {
  const numbers = { volumeE8: e8(0n), notionalE16: e16(0n), rank: 3 as const };
  const [event] = formatCandleBatch({
    shard: 'finnhub-03',
    windowStartMs: W0,
    windowMs: 5_000,
    kind: 'provisional',
    version: 4,
    candles: [
      { ...candle(4, 'provisional'), symbol: 'EUR', ...numbers },
      { ...candle(4, 'provisional'), symbol: 'IWM', rank: 2 },
    ],
  });
  if (event === undefined) throw new Error('no event');
  expect(rowsOf(received(event)).flat()).toMatchObject([
    { columns: { symbol: 'EUR', sampled: true, price_rank: 3, vwap: Number.NaN, notional: Number.NaN } },
    { columns: { symbol: 'IWM', sampled: false, price_rank: 2 } },
  ]);
});
