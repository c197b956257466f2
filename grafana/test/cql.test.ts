import { BUCKET_MS } from '@kandle/market/view/buckets';
import { types } from 'cassandra-driver';
import { promote, rollBack } from '@kandle/runtime/promotions';
import { useTestKeyspace } from '@kandle/testkit/test-keyspace';
import { beforeAll, expect, test } from 'vitest';
import { KEYSPACE } from '../src/cassandra/cql.ts';
import { alertRules, dashboards } from '../src/files.ts';
import { cassandraTargets, type CassandraTarget } from '../src/inventory.ts';
import { BEGIN, END, FEED, MIDNIGHT, SHADOW, SYMBOL, WINDOW_MS, writeMarket, writeShadow } from './market.ts';

const keyspace = useTestKeyspace('grafana');
const shadow = useTestKeyspace('grafana_s');
const targets = cassandraTargets(dashboards(), alertRules());
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const { dataTypes } = types;
/** What the plugin hands on as a number; `decimal` fails the whole query, `varint` comes as text. */
const NUMERIC: ReadonlySet<number> = new Set([dataTypes.double, dataTypes.int, dataTypes.bigint]);
const TIME: ReadonlySet<number> = new Set([dataTypes.timestamp]);
const TEXT: ReadonlySet<number> = new Set([dataTypes.text, dataTypes.varchar, dataTypes.boolean]);

beforeAll(async () => {
  await writeMarket(keyspace.client);
  await writeShadow(shadow.client);
}, 240_000);

interface Answer {
  readonly columns: readonly { readonly name: string; readonly code: number }[];
  readonly rows: readonly Readonly<Record<string, unknown>>[];
}

async function ask(cql: string): Promise<Answer> {
  const statement = cql.replaceAll(`${KEYSPACE}.`, `${keyspace.keyspace}.`);
  const { columns, rows } = await keyspace.client.execute(statement, [], { fetchSize: 10_000 });
  return { columns: columns.map(({ name, type }) => ({ name, code: type.code })), rows };
}

interface Reading {
  readonly fromMs: number;
  readonly toMs: number;
  readonly variables: Readonly<Record<string, string>>;
}

/** The text as Grafana and the plugin send it. */
function fill(cql: string, { fromMs, toMs, variables }: Reading): string {
  const filled = cql
    .replaceAll('${__from}', String(fromMs))
    .replaceAll('${__to}', String(toMs))
    .replaceAll(/\$\{(\w+)(:singlequote)?\}/g, (_, name: string, quoted?: string) => {
      const value = variables[name];
      if (value === undefined) throw new Error(`no variable ${name}`);
      return quoted === undefined ? value : `'${value}'`;
    })
    .replaceAll('$__timeFrom', String(fromMs))
    .replaceAll('$__timeTo', String(toMs));
  expect(filled).not.toContain('$');
  return filled;
}

/** The variables of a dashboard as Grafana finds them: asked one after the other, each with those before. */
async function readVariables(fromMs: number, toMs: number, atLeast: string, uid: string): Promise<Reading> {
  const variables: Record<string, string> = { at_least: atLeast };
  for (const { name, use, cql } of targets) {
    if (use !== 'variable' || !name.startsWith(`${uid}:`)) continue;
    const { rows, columns } = await ask(fill(cql, { fromMs, toMs, variables }));
    const values = rows.map((row) => String(row[columns[0]?.name ?? '']));
    const variable = name.slice(uid.length + 2);
    const wanted = { feed: FEED, symbol: SYMBOL, symbols: SYMBOL }[variable];
    const value = wanted ?? values[0];
    expect(values, name).toContain(value);
    variables[variable] = value ?? '';
  }
  return { fromMs, toMs, variables };
}

/** What the plugin needs of an answer, by what is made of it. */
function checkAnswer({ use, name }: CassandraTarget, { columns, rows }: Answer): void {
  const numbers = columns.filter(({ code }) => NUMERIC.has(code));
  const times = columns.filter(({ code }) => TIME.has(code));
  const texts = columns.filter(({ code }) => TEXT.has(code));
  expect(numbers.length + times.length + texts.length, `${name}: a type that Grafana does not know`).toBe(
    columns.length,
  );
  expect(texts.map((column) => column.name)).toContain(columns[0]?.name);
  expect(rows.length, name).toBeLessThanOrEqual(2_000);
  for (const { name: column } of [...numbers, ...times])
    expect(
      rows.filter((row) => row[column] === null),
      `${name}: ${column} is NULL`,
    ).toEqual([]);
  if (use === 'alert') expect([numbers.length, times.length]).toEqual([1, 1]);
  if (use === 'timeseries' || use === 'candlestick') {
    expect(times).toHaveLength(1);
    expect(numbers.length).toBeGreaterThan(0);
    // Within a series, which the first column names, time goes forward.
    for (const series of Map.groupBy(rows, (row) => row[columns[0]?.name ?? '']).values()) {
      const order = series.map((row) => Number(row[times[0]?.name ?? '']));
      expect(order).toEqual(order.toSorted((a, b) => a - b));
    }
  }
  if (use === 'annotation') expect(new Set(rows.map((row) => row['feed'])).size).toBeLessThanOrEqual(1);
}

/** Every text of every dashboard at a range, each with the variables that the dashboard has there. */
async function checkDashboards(fromMs: number, toMs: number): Promise<void> {
  for (const { uid = '' } of dashboards()) {
    const reading = await readVariables(fromMs, toMs, '5s', uid);
    for (const target of targets) {
      if (target.use === 'variable' || target.use === 'alert' || !target.name.startsWith(`${uid}:`)) continue;
      checkAnswer(target, await ask(fill(target.cql, reading)));
    }
  }
}

const RANGES: readonly (readonly [name: string, fromMs: number, toMs: number, candles: string])[] = [
  ['an hour over midnight', MIDNIGHT - 30 * MINUTE_MS, MIDNIGHT + 30 * MINUTE_MS, '5s'],
  ['2 h 45 min over midnight', END - 165 * MINUTE_MS, END, '5s'],
  ['a second more', END - 165 * MINUTE_MS - 1_000, END, '1m'],
  ['33 hours', END - 33 * HOUR_MS, END, '1m'],
  ['four days', END - 4 * DAY_MS, END, '5m'],
  ['a month', END - 30 * DAY_MS, END, '1h'],
  ['a year', END - 365 * DAY_MS, END, '1d'],
  ['ten years', END - 3_650 * DAY_MS, END, '1d'],
];

test.each(RANGES)(
  'every text of every dashboard answers what the plugin needs, at a range of %s',
  async (_, fromMs, toMs, candles) => {
    const { variables } = await readVariables(fromMs, toMs, '5s', 'kandle-market');
    expect(variables['candles']).toBe(candles);
    await checkDashboards(fromMs, toMs);
  },
);

test('the texts that draw something answer rows, so that what they were checked for was there', async () => {
  const empty: string[] = [];
  for (const { uid = '' } of dashboards()) {
    // Both buckets of trades that are looked at hold some.
    const reading = await readVariables(END - HOUR_MS, END - 10_000, '5s', uid);
    for (const { name, use, cql } of targets) {
      if (use === 'variable' || use === 'alert' || !name.startsWith(`${uid}:`)) continue;
      if ((await ask(fill(cql, reading))).rows.length === 0) empty.push(name);
    }
  }
  // No audit ran here, and nothing is promoted.
  expect(empty).toEqual([
    'kandle-correctness: Audits of the range',
    'kandle-correctness: Stretches that are read in a shadow, of each view',
  ]);
});

const CANDLES_OF: Readonly<Record<string, number>> = {
  '5s': WINDOW_MS,
  '1m': MINUTE_MS,
  '5m': 5 * MINUTE_MS,
  '1h': HOUR_MS,
  '1d': DAY_MS,
};

test.each(RANGES)(
  'the candlestick shows exactly the stored candles, at a range of %s',
  async (_, fromMs, toMs, candles) => {
    const periodMs = CANDLES_OF[candles] ?? 0;
    const panel = targets.find(({ name, use }) => use === 'candlestick' && name.startsWith('kandle-market'));
    const { rows } = await ask(
      fill(panel?.cql ?? '', await readVariables(fromMs, toMs, '5s', 'kandle-market')),
    );
    const expected: number[] = [];
    for (let start = BEGIN - (BEGIN % periodMs); start < END; start += periodMs)
      if (start >= fromMs && start <= toMs) expected.push(start);
    expect(rows.map(({ start }) => Number(start))).toEqual(expected);
  },
);

test('stored indicators are drawn beside candles of 5 s, and beside no others', async () => {
  const overlay = targets.find(({ cql }) => cql.includes('bollinger_upper'));
  for (const [atLeast, count] of [
    ['5s', 721],
    ['1m', 0],
  ] as const) {
    const reading = await readVariables(END - HOUR_MS - WINDOW_MS, END - WINDOW_MS, atLeast, 'kandle-market');
    expect((await ask(fill(overlay?.cql ?? '', reading))).rows).toHaveLength(count);
  }
});

test('a range that lies in a promoted stretch is read in its shadow, no other is, and none after a rollback', async () => {
  const [fromMs, toMs] = SHADOW;
  const ours = keyspace.keyspace;
  const placesAt = async (from: number, to: number) => {
    const places: Record<string, string> = {};
    for (const { uid = '' } of dashboards())
      for (const [name, value] of Object.entries((await readVariables(from, to, '5s', uid)).variables))
        if (name.endsWith('_in')) places[`${uid}: ${name}`] = value;
    return places;
  };
  const closesAt = async (from: number, to: number, atLeast = '5s') => {
    const panel = targets.find(({ name, use }) => use === 'candlestick' && name.startsWith('kandle-market'));
    const reading = await readVariables(from, to, atLeast, 'kandle-market');
    const { rows } = await ask(fill(panel?.cql ?? '', reading));
    return new Set(rows.map(({ close }) => Math.round(Number(close) / 100)));
  };
  const everywhere = {
    'kandle-market: candles_in': ours,
    'kandle-market: trades_in': ours,
    'kandle-overview: candles_in': ours,
    'kandle-overview: days_in': ours,
    'kandle-correctness: revisions_in': ours,
  };
  const inside = [fromMs + 1_000, toMs - 1_000] as const;
  expect(await placesAt(...inside)).toEqual(everywhere);
  expect(await closesAt(...inside)).toEqual(new Set([1]));
  await checkDashboards(...inside);

  await promote(keyspace.client, { keyspace: shadow.keyspace, fromMs, toMs }, new Date());
  expect(await placesAt(...inside)).toEqual({
    'kandle-market: candles_in': shadow.keyspace,
    'kandle-market: trades_in': shadow.keyspace,
    // Of a minute there, the last of which is not whole in the stretch; and neither is the day.
    'kandle-overview: candles_in': ours,
    'kandle-overview: days_in': ours,
    'kandle-correctness: revisions_in': shadow.keyspace,
  });
  expect(await closesAt(...inside)).toEqual(new Set([7]));
  await checkDashboards(...inside);
  // The last minute is not whole in the stretch, and neither is a candle of it.
  expect(await closesAt(fromMs, toMs - 61_000, '1m')).toEqual(new Set([7]));
  expect(await closesAt(fromMs, toMs - 1_000, '1m')).toEqual(new Set([1]));
  for (const [from, to] of [
    [fromMs - 1, toMs - 1_000],
    [fromMs + 1_000, toMs],
  ] as const) {
    expect(await placesAt(from, to)).toEqual(everywhere);
    expect(await closesAt(from, to)).toEqual(new Set([1]));
  }
  const stretches = targets.find(({ name }) => name.includes('read in a shadow'));
  const { rows } = await ask(fill(stretches?.cql ?? '', { fromMs, toMs, variables: {} }));
  expect(rows).toHaveLength(5);
  expect(rows.every(({ read_in }) => read_in === shadow.keyspace)).toBe(true);
  // Alerts know no variables.
  expect((await alertRows(`kandle-price-move-${FEED}`, MIDNIGHT + MINUTE_MS)).rows.length).toBeGreaterThan(0);

  await rollBack(keyspace.client, new Date());
  expect(await placesAt(...inside)).toEqual(everywhere);
  expect(await closesAt(...inside)).toEqual(new Set([1]));
  await checkDashboards(...inside);
});

test('no interval has more than 2,000 candles at any range, and its buckets hold them all', async () => {
  const { rows } = await ask(`SELECT * FROM ${KEYSPACE}.candle_intervals`);
  expect(rows).toHaveLength(30);
  for (const row of rows) {
    const [most, interval, at] = [Number(row['most']), String(row['interval']), String(row['at_least'])];
    const periodMs = CANDLES_OF[interval] ?? 0;
    expect(periodMs).toBeGreaterThanOrEqual(CANDLES_OF[at] ?? 0);
    const bucketMs = BUCKET_MS[`candles_${interval}` as keyof typeof BUCKET_MS];
    expect(Number(row['bucket'])).toBe(bucketMs);
    // Of days there is no limit but the text's own, and no candle lives for more than 400.
    const rangeMs = interval === '1d' ? 400 * DAY_MS : Number(row['up_to_ms']);
    expect(Math.floor(rangeMs / periodMs) + 1).toBeLessThanOrEqual(interval === '1d' ? 2_000 : most);
    expect(Math.ceil(rangeMs / bucketMs) + 1).toBeLessThanOrEqual(most === 100 && interval !== '1d' ? 2 : 18);
  }
});

/** The rows of an alert's text as the plugin hands them on: NULL as 0. */
async function alertRows(uid: string, nowMs: number, part = ''): Promise<Answer> {
  const rule = alertRules().find((one) => one.uid === uid);
  const step = rule?.data.find(({ model }) => String(model['target']).includes(part));
  const fromMs = nowMs - (step?.relativeTimeRange.from ?? 0) * 1_000;
  const answer = await ask(fill(String(step?.model['target']), { fromMs, toMs: nowMs, variables: {} }));
  checkAnswer({ name: uid, use: 'alert', cql: '' }, answer);
  return answer;
}

test('an alert on signals has each active one with its sentence, symbol and rule, and its symbol a price', async () => {
  const { rows, columns } = await alertRows(`kandle-signal-${FEED}`, END, '.signals');
  expect(columns[0]?.name).toBe('text');
  expect(rows.map(({ symbol, rule, text }) => [symbol, rule, text])).toEqual([
    [SYMBOL, 'price-jump', `${SYMBOL} jumped up by 1 to 101, 5 times its average range.`],
    [SYMBOL, 'volume-spike', `${SYMBOL} traded 50 in 5 seconds, 6 times its usual 8.`],
  ]);
  for (const { version } of rows) expect(version).toBeGreaterThan(0);
  const latest = await alertRows(`kandle-signal-${FEED}`, END, '.latest');
  expect(latest.rows.map(({ symbol }) => symbol)).toContain(SYMBOL);
});

test('an alert on price moves has the moves of the last minutes, over a UTC midnight too', async () => {
  const { rows } = await alertRows(`kandle-price-move-${FEED}`, MIDNIGHT + MINUTE_MS);
  const mine = rows.filter(({ symbol }) => symbol === SYMBOL);
  expect(mine.map(({ start }) => Number(start))).toEqual([MIDNIGHT - 5 * MINUTE_MS, MIDNIGHT]);
  expect(mine.every(({ move }) => typeof move === 'number' && Math.abs(move) < 3)).toBe(true);
  const crash = await alertRows(`kandle-price-move-${FEED}`, END);
  expect(crash.rows.some(({ move }) => Number(move) < -3)).toBe(true);
});

test.each(['kandle-signal', 'kandle-price-move'])(
  'no row of %s at night, on a feed without one, and none that a NULL would make fire',
  async (uid) => {
    expect((await alertRows(`${uid}-${FEED}`, END + 8 * HOUR_MS)).rows).toEqual([]);
    expect((await alertRows(`${uid}-finnhub`, END)).rows).toEqual([]);
  },
);
