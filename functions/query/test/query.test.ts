import { formatBatchRejects } from '@kandle/market/event/rejects';
import { e8, e8ToDouble } from '@kandle/market/number/fixed-point';
import { createEventProducer } from '@kandle/runtime/event-producer';
import { createKafka, KafkaEnv } from '@kandle/runtime/kafka';
import { createTopics } from '@kandle/servers/kafka/create-topics';
import { createLogger } from '@kandle/runtime/log';
import { useTestKeyspace } from '@kandle/testkit/test-keyspace';
import { type BucketedView, bucketOf } from '@kandle/market/view/buckets';
import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { z } from 'zod';
import { createQueryApp } from '../src/app.ts';
import { createCassandraStore } from '../src/cassandra-store.ts';
import { createRejectReader } from '../src/rejects/reject-reader.ts';

const keyspace = useTestKeyspace('query');
const SHARD = 'sim-07';
const DAY = Date.UTC(2026, 10, 24);
/** Ten seconds before a UTC midnight: what is read lies in two partitions. */
const BEGIN = DAY + 86_400_000 - 10_000;
const NOW = DAY + 2 * 86_400_000;
/** Starts of the candles, in windows of 5 s from {@link BEGIN}; the third window is empty. */
const WINDOWS = [0, 1, 3, 4];
const REJECTS = `query.${Date.now()}.rejects`;
const log = createLogger('query-test', 'silent');
const kafka = createKafka(
  KafkaEnv.parse({ KAFKA_BROKERS: inject('kafkaBrokers').join(',') }),
  'query-test',
  log,
);
const admin = kafka.admin();
const app = createQueryApp({
  store: createCassandraStore(keyspace.client),
  streams: {
    open: () => Promise.reject(new Error('no stream here')),
    count: () => 0,
    endAll: () => undefined,
  },
  maxStreams: 1,
  wallMs: () => NOW,
  refused: createRejectReader(kafka, REJECTS, log),
  page: null,
  log,
});

const PageSchema = z.object({
  rows: z.array(z.record(z.string(), z.unknown())),
  next: z.string().nullable(),
});
/** Where a row of SIM:A stands in a bucketed view. */
function placeIn(view: BucketedView, timeMs: number) {
  return { feed: 'sim', shard: SHARD, bucket: bucketOf(view, timeMs), symbol: 'SIM:A' };
}
const dayOf = (timeMs: number): string => new Date(timeMs).toISOString().slice(0, 10);

async function insert(table: string, row: Readonly<Record<string, unknown>>): Promise<void> {
  const names = Object.keys(row);
  await keyspace.client.execute(
    `INSERT INTO ${table} (${names.join(', ')}) VALUES (${names.map(() => '?').join(', ')})`,
    Object.values(row),
  );
}

function candle(start: number, numbers: Readonly<Record<string, unknown>> = {}) {
  return {
    ...placeIn('candles_5s', start),
    start,
    open: 0.1 + 0.2,
    high: 2.5,
    low: 0.1,
    close: 1e-8,
    volume: 3,
    vwap: 1.1,
    mean_price: 1.2,
    trade_count: 2,
    state: 'final',
    version: 3,
    revision: 0,
    reason: '',
    complete: true,
    ...numbers,
  };
}

async function page(path: string) {
  const response = await app.request(path);
  expect(response.status).toBe(200);
  return PageSchema.parse(await response.json());
}

/** Every row of a question, a page at a time. */
async function allPages(path: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const rows: Readonly<Record<string, unknown>>[] = [];
  for (let next: string | null = ''; next !== null; ) {
    const found: z.infer<typeof PageSchema> = await page(next === '' ? path : `${path}&page=${next}`);
    rows.push(...found.rows);
    next = found.next;
  }
  return rows;
}

/** The rows of an answer in CSV, by the names of its first line; none of the texts needs quotes. */
async function csvRows(path: string): Promise<readonly Readonly<Record<string, string>>[]> {
  const text = await (await app.request(`${path}&format=csv`)).text();
  const [columns = [], ...lines] = text
    .trimEnd()
    .split('\n')
    .map((line) => line.split(','));
  return lines.map((cells) => Object.fromEntries(columns.map((name, n) => [name, cells[n] ?? ''])));
}

/** Numbers by their bytes: 0 is not -0. */
function bitsOf(numbers: readonly number[]): string {
  return Buffer.from(Float64Array.from(numbers).buffer).toString('hex');
}

beforeAll(async () => {
  await admin.connect();
  await createTopics(admin, [{ topic: REJECTS, partitions: 2, config: {} }]);
});

afterAll(async () => {
  await admin.deleteTopics({ topics: [REJECTS] });
  await admin.disconnect();
});

beforeAll(async () => {
  for (const [feed, symbol] of [
    ['sim', 'SIM:A'],
    ['sim', 'AAPL'],
    ['other', 'AAPL'],
  ])
    await insert('latest', { feed, symbol, shard: `${feed}-07`, time: BEGIN, price: 1.5, size: 2 });
  for (const n of WINDOWS) await insert('candles_5s', candle(BEGIN + n * 5_000, { close: 10 + n }));
  await insert('candles_5s', candle(BEGIN - 5_000, { close: 9 }));
  for (const version of [2, 10, 3])
    await insert(
      'candle_revisions',
      candle(BEGIN, { version, revision: version, reason: version === 2 ? '' : 'late' }),
    );
  await insert('candle_revisions', candle(BEGIN + 5_000, { version: 1 }));
  for (const [offset, id] of [
    [0, 'b'],
    [0, 'a'],
    [4_999, 'c'],
    [11_000, 'd'],
  ] as const) {
    const time = BEGIN + offset;
    await insert('trades', { ...placeIn('trades', time), time, id, price: 1.5, size: 1.5 });
  }
  for (const n of WINDOWS)
    await insert('indicators', {
      ...placeIn('indicators', BEGIN + n * 5_000),
      start: BEGIN + n * 5_000,
      sma: n + 0.1,
      rsi: Number.NaN,
      names: 'sma20 macd',
      version: 3,
    });
  // Of before the period was 20.
  await insert('indicators', {
    ...placeIn('indicators', BEGIN + 10_000),
    start: BEGIN + 10_000,
    sma: 1,
    names: 'sma50',
    version: 3,
  });
  for (const [offset, symbol, rule] of [
    [0, 'SIM:A', 'jump'],
    [0, 'SIM:A', 'rsi'],
    [0, 'SIM:B', 'jump'],
    [10_000, 'SIM:A', 'jump'],
  ] as const)
    await insert('signals', {
      feed: 'sim',
      day: dayOf(BEGIN + offset),
      start: BEGIN + offset,
      symbol,
      rule,
      side: 'buy',
      strength: 0.5,
      text: '=SUM(A1), "said" she',
      state: 'active',
      numbers: '{}',
      caused_at: BEGIN + offset,
      version: 1,
    });
  for (const [from, to, shard] of [
    [BEGIN - 60_000, BEGIN + 1_000, 'sim-00'],
    [BEGIN - 60_000, BEGIN + 1_000, 'sim-01'],
    [BEGIN - 60_000, BEGIN - 30_000, 'sim-02'],
  ] as const)
    await insert('feed_gaps', {
      feed: 'sim',
      day: dayOf(from),
      from_time: from,
      to_time: to,
      shard,
      reason: 'disconnected',
      dropped_records: 7n,
    });
});

const RANGE = `from=${BEGIN}&to=${BEGIN + 30_000}`;

test('symbols are listed by feed, each with its newest trade', async () => {
  const { rows } = await page('/v1/symbols');
  expect(rows.map(({ feed, symbol, time }) => [feed, symbol, time])).toEqual([
    ['other', 'AAPL', BEGIN],
    ['sim', 'AAPL', BEGIN],
    ['sim', 'SIM:A', BEGIN],
  ]);
});

test('instruments are found by symbol, text, market, type, status and time, and each comes once in pages', async () => {
  const one = (feed: string, ticker: string, more: Readonly<Record<string, unknown>> = {}) => ({
    feed,
    ticker,
    valid_from: BEGIN,
    valid_to: null,
    list: 'stocks:US',
    id: `ticker:${ticker}`,
    market: 'XNAS',
    currency: 'USD',
    type: 'Common Stock',
    description: `${ticker} Inc`,
    figi: '',
    isin: '',
    status: 'active',
    absences: 0,
    changed_at: BEGIN,
    ...more,
  });
  const left = { valid_from: BEGIN - 9_000, valid_to: BEGIN, status: 'inactive', description: 'Gone, "Ltd"' };
  for (const row of [
    one('sim', 'AAPL', { description: 'Apple' }),
    one('sim', 'AAPL', left),
    one('sim', 'BINANCE:币安', { market: 'BINANCE', type: 'crypto', currency: 'USDT' }),
    one('sim', 'X-01', { figi: 'BBG000B9XRY4', market: 'XNYS' }),
    one('other', 'AAPL', { description: 'Apfel' }),
  ])
    await insert('instruments', row);
  const found = async (query: string) =>
    (await allPages(`/v1/instruments?${query}`)).map((row) => [
      row['feed'],
      row['symbol'],
      row['description'],
    ]);
  const apple = ['sim', 'AAPL', 'Apple'];
  const gone = ['sim', 'AAPL', 'Gone, "Ltd"'];
  const apfel = ['other', 'AAPL', 'Apfel'];
  const coin = ['sim', 'BINANCE:币安', 'BINANCE:币安 Inc'];
  const x = ['sim', 'X-01', 'X-01 Inc'];
  for (const limit of [1, 2, 1_000]) {
    expect(await found(`limit=${limit}`)).toEqual([apfel, gone, apple, coin, x]);
    expect(await found(`limit=${limit}&symbol=AAPL`)).toEqual([apfel, gone, apple]);
    expect(await found(`limit=${limit}&symbol=AAPL&symbol=X-01&feed=sim`)).toEqual([gone, apple, x]);
    expect(await found(`limit=${limit}&status=active&type=Common%20Stock`)).toEqual([apfel, apple, x]);
  }
  expect(await found('text=APPLE')).toEqual([apple]);
  expect(await found('text=bbg000b9xry4')).toEqual([x]);
  expect(await found('market=BINANCE')).toEqual([coin]);
  expect(await found(`symbol=AAPL&feed=sim&at=${BEGIN - 1}`)).toEqual([gone]);
  expect(await found(`symbol=AAPL&feed=sim&at=${BEGIN}`)).toEqual([apple]);
  expect(await found('feed=none')).toEqual([]);
  const { rows } = await page('/v1/instruments?feed=sim&symbol=AAPL&status=active');
  expect(rows[0]).toMatchObject({ market: 'XNAS', currency: 'USD', valid_from: BEGIN, valid_to: null });
  const csv = await (await app.request('/v1/instruments?status=inactive&format=csv')).text();
  expect(csv).toContain(`sim,AAPL,"Gone, ""Ltd""",XNAS,USD,Common Stock,inactive,${BEGIN - 9_000},${BEGIN},`);
});

test('the age of each list of instruments is told, and why a newer one was refused', async () => {
  const list = {
    feed: 'sim',
    list: 'stocks:US',
    tried_at: NOW,
    taken_at: BEGIN,
    refusal: 'it shrank',
    active: 7,
  };
  await insert('instrument_lists', list);
  expect((await page('/v1/instrument-lists')).rows).toEqual([list]);
});

test('candles are read over midnight, and their numbers are the stored doubles', async () => {
  const { rows, next } = await page(`/v1/candles?symbol=SIM:A&${RANGE}`);
  expect(rows.map(({ start }) => start)).toEqual(WINDOWS.map((n) => BEGIN + n * 5_000));
  expect(rows[0]).toMatchObject({ open: 0.1 + 0.2, close: 10, complete: true });
  expect(next).toBeNull();
});

test.each([1, 2, 3])('candles in pages of %i are each candle once', async (limit) => {
  const rows = await allPages(`/v1/candles?symbol=SIM:A&${RANGE}&limit=${limit}`);
  expect(rows.map(({ start }) => start)).toEqual(WINDOWS.map((n) => BEGIN + n * 5_000));
});

test('CSV has the same numbers as JSON', async () => {
  const json = await page(`/v1/candles?symbol=SIM:A&${RANGE}`);
  const text = await (await app.request(`/v1/candles?symbol=SIM:A&${RANGE}&format=csv`)).text();
  const [header = '', ...lines] = text.trimEnd().split('\n');
  const columns = header.split(',');
  expect(lines).toHaveLength(json.rows.length);
  for (const [index, line] of lines.entries()) {
    const cells = line.split(',');
    for (const name of ['start', 'open', 'close', 'volume', 'trade_count'])
      expect(JSON.parse(cells[columns.indexOf(name)] ?? '')).toBe(json.rows[index]?.[name]);
  }
});

test('exact=1 gives prices, sizes and sums as the stored integers, and the doubles are the stored ones to the last bit', async () => {
  const symbol = 'SIM:EXACT';
  const units = fc.sample(fc.bigInt({ min: -(2n ** 52n), max: 2n ** 52n }), { seed: 17, numRuns: 20 });
  const sums = fc.sample(fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n }), { seed: 18, numRuns: 20 });
  const prices = [e8(-3_763_000_000n), e8(1n), e8(10n ** 23n), ...units.map(e8)];
  await insert('latest', { feed: 'sim', symbol, shard: SHARD, time: BEGIN, price: 1, size: 1 });
  for (const [n, price] of prices.entries()) {
    const start = BEGIN + n * 5_000;
    const [sum = 2n ** 53n + 1n] = sums.slice(n);
    const [double, place] = [e8ToDouble(price), { ...placeIn('candles_5s', start), symbol }];
    const row = { ...candle(start), ...place, open: double, high: 1.5, low: -1.5, close: double };
    const exact = { volume_e8: sum, notional_e16: sum * 3n, price_sum_e8: -sum, volume: e8ToDouble(e8(sum)) };
    await insert('candles_5s', { ...row, ...exact });
    await insert('candle_revisions', { ...row, ...exact });
    await insert('trades', {
      ...placeIn('trades', start),
      symbol,
      time: start,
      id: 'x',
      price: double,
      size: double,
    });
  }
  const range = `symbol=${symbol}&from=${BEGIN}&to=${BEGIN + prices.length * 5_000}&exact=1`;
  const wanted = prices.map((price, n) => {
    const [sum = 2n ** 53n + 1n] = sums.slice(n);
    return {
      open_e8: String(price),
      high_e8: '150000000',
      low_e8: '-150000000',
      close_e8: String(price),
      volume_e8: String(sum),
      notional_e16: String(sum * 3n),
      price_sum_e8: String(-sum),
    };
  });
  const doubles = prices.map((price, n) =>
    bitsOf([e8ToDouble(price), e8ToDouble(e8(sums[n] ?? 2n ** 53n + 1n))]),
  );
  for (const list of ['candles', 'revisions']) {
    const { rows } = await page(`/v1/${list}?${range}`);
    expect(rows).toMatchObject(wanted);
    expect(rows.map(({ close, volume }) => bitsOf([Number(close), Number(volume)]))).toEqual(doubles);
    const cells = await csvRows(`/v1/${list}?${range}`);
    expect(cells).toMatchObject(wanted);
    expect(cells.map(({ close, volume }) => bitsOf([Number(close), Number(volume)]))).toEqual(doubles);
  }
  const wantedTrades = prices.map((price) => ({ price_e8: String(price), size_e8: String(price) }));
  expect((await page(`/v1/trades?${range}`)).rows).toMatchObject(wantedTrades);
  expect(await csvRows(`/v1/trades?${range}`)).toMatchObject(wantedTrades);
  // Who does not ask for them has none.
  const [plain = {}] = (await page(`/v1/candles?${range.replace('&exact=1', '')}`)).rows;
  expect(Object.keys(plain).filter((name) => /_e\d/.test(name))).toEqual([]);
});

test('exact=1 of a filled candle is its price and no volume; of one of looks there is no notional', async () => {
  const ask = async (fill: string) =>
    (await page(`/v1/candles?symbol=SIM:A&from=${BEGIN + 10_000}&to=${BEGIN + 15_000}&fill=${fill}&exact=1`))
      .rows;
  expect(await ask('previous')).toMatchObject([
    { close_e8: '1100000000', volume_e8: '0', notional_e16: '0', price_sum_e8: '0' },
  ]);
  expect(await ask('null')).toMatchObject([{ close_e8: null, volume_e8: null, notional_e16: null }]);
  const symbol = 'SIM:LOOKS';
  await insert('latest', { feed: 'sim', symbol, shard: SHARD, time: BEGIN, price: 1, size: 1 });
  await insert('candles_5s', {
    ...candle(BEGIN, { sampled: true, vwap: Number.NaN, volume_e8: 5n, notional_e16: 7n, price_sum_e8: 9n }),
    symbol,
  });
  expect((await page(`/v1/candles?symbol=${symbol}&${RANGE}&exact=1`)).rows).toMatchObject([
    { volume_e8: '5', notional_e16: null, price_sum_e8: '9', vwap: null },
  ]);
});

test('an empty window is left out, filled with the close before it, or with nulls, and says that it is filled', async () => {
  const range = `from=${BEGIN}&to=${BEGIN + 25_000}`;
  const previous = await allPages(`/v1/candles?symbol=SIM:A&${range}&fill=previous&limit=2`);
  expect(previous.map(({ close, filled }) => [close, filled])).toEqual([
    [10, undefined],
    [11, undefined],
    [11, true],
    [13, undefined],
    [14, undefined],
  ]);
  const nulls = await page(`/v1/candles?symbol=SIM:A&${range}&fill=null`);
  expect(nulls.rows.map(({ close }) => close)).toEqual([10, 11, null, 13, 14]);
  // The close before the range is known though its candle is not asked for.
  const later = await page(
    `/v1/candles?symbol=SIM:A&from=${BEGIN + 10_000}&to=${BEGIN + 15_000}&fill=previous`,
  );
  expect(later.rows.map(({ close, volume }) => [close, volume])).toEqual([[11, 0]]);
});

test('a close long before the range is known, by a longer candle', async () => {
  const symbol = 'SIM:OLD';
  const monthAgo = BEGIN - (BEGIN % 86_400_000) - 30 * 86_400_000;
  await insert('latest', { feed: 'sim', symbol, shard: SHARD, time: BEGIN, price: 1, size: 1 });
  const closeBefore = async () => {
    const path = `/v1/candles?symbol=${symbol}&from=${BEGIN}&to=${BEGIN + 5_000}&fill=previous`;
    return (await page(path)).rows.map(({ close }) => close);
  };
  expect(await closeBefore()).toEqual([]);
  await insert('candles_1d', {
    ...candle(monthAgo, { close: 77 }),
    ...placeIn('candles_1d', monthAgo),
    symbol,
  });
  expect(await closeBefore()).toEqual([77]);
  const hourAgo = BEGIN - (BEGIN % 60_000) - 3_600_000;
  await insert('candles_1m', {
    ...candle(hourAgo, { close: 78 }),
    ...placeIn('candles_1m', hourAgo),
    symbol,
  });
  expect(await closeBefore()).toEqual([78]);
});

test('a question about half a century is answered from the times at which there was something', async () => {
  const symbol = 'SIM:LONG';
  const rolledUp = DAY - 400 * 86_400_000 + 12_345_000;
  const pending = DAY - 90 * 86_400_000 + 12_345_000;
  await insert('latest', { feed: 'sim', symbol, shard: SHARD, time: BEGIN, price: 1, size: 1 });
  for (const time of [rolledUp, pending, BEGIN]) {
    await insert('trades', { ...placeIn('trades', time), symbol, time, id: 'x', price: 1, size: 1 });
    const start = time - (time % 5_000);
    await insert('candles_5s', { ...candle(start), symbol });
  }
  for (const [table, lengthMs] of [
    ['candles_5m', 300_000],
    ['candles_1d', 86_400_000],
  ] as const) {
    const start = rolledUp - (rolledUp % lengthMs);
    await insert(table, { ...candle(start), ...placeIn(table, start), symbol });
  }
  const minute = pending - (pending % 60_000);
  await insert('rollup_pending', {
    shard: SHARD,
    process: 'p',
    minute,
    event: 'e',
    feed: 'sim',
    symbols: `A,${symbol}`,
    made_at: minute,
  });
  const range = 'from=0&to=999999999999999';
  const trades = await allPages(`/v1/trades?symbol=${symbol}&${range}&limit=2`);
  expect(trades.map(({ time }) => time)).toEqual([rolledUp, pending, BEGIN]);
  expect(await allPages(`/v1/candles?symbol=${symbol}&${range}&limit=1`)).toHaveLength(3);
});

test('an answer changes its ETag if and only if a row of it was revised', async () => {
  const path = `/v1/candles?symbol=SIM:A&${RANGE}`;
  const etagOf = async () => (await app.request(path)).headers.get('etag') ?? '';
  const before = await etagOf();
  expect(await etagOf()).toBe(before);
  const same = await app.request(path, { headers: { 'if-none-match': `W/${before}, "x"` } });
  expect([same.status, await same.text()]).toEqual([304, '']);
  await insert('candles_5s', candle(BEGIN + 20_000, { close: 14, version: 4 }));
  expect(await etagOf()).not.toBe(before);
});

test('a range that is over may be kept, the running one not', async () => {
  const cacheOf = async (toMs: number) =>
    (await app.request(`/v1/trades?symbol=SIM:A&from=${BEGIN}&to=${toMs}`)).headers.get('cache-control');
  expect(await cacheOf(NOW - 3_600_000)).toMatch(/max-age=60/);
  expect(await cacheOf(NOW)).toMatch(/no-cache/);
});

test.each([1, 2, 10])(
  'trades, revisions, signals and gaps in pages of %i are each row once',
  async (limit) => {
    const trades = await allPages(`/v1/trades?symbol=SIM:A&${RANGE}&limit=${limit}`);
    expect(trades.map(({ id }) => id)).toEqual(['a', 'b', 'c', 'd']);
    const revisions = await allPages(`/v1/revisions?symbol=SIM:A&${RANGE}&limit=${limit}`);
    expect(revisions.map(({ version }) => version)).toEqual([2, 3, 10, 1]);
    const signals = await allPages(`/v1/signals?feed=sim&${RANGE}&limit=${limit}`);
    expect(
      signals
        .map(({ symbol, rule, start }) => `${String(symbol)} ${String(rule)} ${Number(start) - BEGIN}`)
        .toSorted(),
    ).toEqual(['SIM:A jump 0', 'SIM:A jump 10000', 'SIM:A rsi 0', 'SIM:B jump 0']);
    expect(await allPages(`/v1/signals?symbol=SIM:A&${RANGE}&limit=${limit}`)).toHaveLength(3);
    const gaps = await allPages(`/v1/gaps?feed=sim&${RANGE}&limit=${limit}`);
    expect(gaps.map(({ shard }) => shard)).toEqual(['sim-00', 'sim-01']);
    expect(await allPages(`/v1/indicators?symbol=SIM:A&name=sma20&${RANGE}&limit=${limit}`)).toHaveLength(4);
  },
);

test('a text that a spreadsheet would take for a formula is none in CSV, and quotes are doubled', async () => {
  const text = await (await app.request(`/v1/signals?feed=sim&${RANGE}&limit=1&format=csv`)).text();
  expect(text).toContain(`"'=SUM(A1), ""said"" she"`);
});

test('explain shows the trades and versions of a candle, the gaps that touch it, and what does not fit', async () => {
  const explained: unknown = await (await app.request(`/v1/explain?symbol=SIM:A&start=${BEGIN}`)).json();
  expect(explained).toMatchObject({
    candle: { trade_count: 2 },
    versions: [{ version: 2 }, { version: 3 }, { version: 10 }],
    trades: [{ id: 'a' }, { id: 'b' }, { id: 'c' }],
    counted: { trades: 3, volume: 4.5, high: 1.5, low: 1.5 },
    gaps: [{ shard: 'sim-00' }, { shard: 'sim-01' }],
    notes: [
      'The candle counts 2 trades and 3 are stored: run the audit.',
      'It was revised 2 times: late.',
      'Gap of sim-00 (disconnected), 61000 ms.',
      'Gap of sim-01 (disconnected), 61000 ms.',
    ],
  });
});

test('explain shows the refused records that name the symbol and a time of the candle, each once', async () => {
  const producer = createEventProducer(kafka);
  const record = (s: string, t: number) => ({ s, p: 1.5, t, v: 0 });
  const rejects = [
    record('SIM:A', BEGIN + 20_000),
    record('SIM:A', BEGIN + 24_999),
    record('SIM:A', BEGIN + 25_000),
    record('SIM:B', BEGIN + 20_000),
  ].map((one, n) => ({
    id: `1:sim-00:7:${n}`,
    reason: 'bad_size' as const,
    detail: 'a size is 0',
    record: one,
  }));
  const event = formatBatchRejects('1:sim-00:7', 'sim-00', rejects);
  // The same rejects may come twice.
  await producer.send(REJECTS, [event, event]);
  await producer.close();
  const explained: unknown = await (
    await app.request(`/v1/explain?symbol=SIM:A&start=${BEGIN + 20_000}`)
  ).json();
  expect(explained).toMatchObject({
    rejects: [{ id: '1:sim-00:7:0', reason: 'bad_size' }, { id: '1:sim-00:7:1' }],
    notes: expect.arrayContaining(['Records were refused: bad_size 2.']),
  });
});

test.each([
  ['/v1/candles', 400, 'symbol'],
  ['/v1/candles?symbol=SIM:A&interval=7s', 400, 'interval'],
  ['/v1/candles?symbol=SIM:A&limit=10001', 400, 'limit'],
  ['/v1/candles?symbol=SIM:A&limit=0', 400, 'limit'],
  ['/v1/candles?symbol=SIM:A&from=yesterday', 400, 'from'],
  ['/v1/candles?symbol=SIM:A&from=2000&to=1000', 400, 'from'],
  ['/v1/candles?symbol=SIM:A&page=%00', 400, 'page'],
  ['/v1/candles?symbol=SIM:A&colour=red', 400, 'colour'],
  ['/v1/candles?symbol=AAPL', 400, 'feed'],
  ['/v1/candles?symbol=SIM:A&exact=yes', 400, 'exact'],
  ['/v1/explain?symbol=SIM:A&start=1', 400, 'start'],
  [`/v1/candles?symbol=${encodeURIComponent('A\n')}`, 400, 'symbol'],
  // Printable, so it may be a symbol; it is a bound value, and nobody has it.
  [`/v1/candles?symbol=${encodeURIComponent("A' OR 1=1; DROP")}`, 404, null],
  ['/v1/candles?symbol=NOBODY', 404, null],
  ['/v1/candles?symbol=AAPL&feed=nofeed', 404, null],
  ['/v1/nothing', 404, null],
  ['/v1/instruments?status=gone', 400, 'status'],
  ['/v1/instruments?at=yesterday', 400, 'at'],
])('%s is refused with %i, and the field is named', async (path, status, field) => {
  const response = await app.request(path);
  expect([response.status, response.headers.get('content-type')]).toEqual([
    status,
    'application/problem+json',
  ]);
  const told = z.object({ fields: z.record(z.string(), z.string()).optional() }).parse(await response.json());
  expect(Object.keys(told.fields ?? {})).toEqual(field === null ? [] : [field]);
});

test('the interface describes itself', async () => {
  const ParameterSchema = z.object({ name: z.string(), schema: z.looseObject({}) });
  const PathSchema = z.object({ get: z.object({ parameters: z.array(ParameterSchema).optional() }) });
  const described = z
    .object({ paths: z.record(z.string(), PathSchema) })
    .parse(await (await app.request('/v1/openapi.json')).json());
  expect(Object.keys(described.paths).toSorted()).toEqual([
    '/v1/candles',
    '/v1/explain',
    '/v1/gaps',
    '/v1/indicators',
    '/v1/instrument-lists',
    '/v1/instruments',
    '/v1/revisions',
    '/v1/signals',
    '/v1/stream',
    '/v1/symbols',
    '/v1/trades',
  ]);
  for (const path of ['/v1/candles', '/v1/revisions', '/v1/trades'])
    expect(described.paths[path]?.get.parameters).toContainEqual({
      name: 'exact',
      schema: expect.objectContaining({ type: 'string', enum: ['0', '1'], description: expect.any(String) }),
    });
  expect((await app.request('/v1/health')).status).toBe(200);
});
