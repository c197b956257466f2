import type { MarketEvent } from '@kandle/market/event/market-event';
import { e8 } from '@kandle/market/number/fixed-point';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type AuditOptions, runAudit } from '../src/audit.ts';
import type { AuditReport } from '../src/report/report.ts';
import { createDamage, type Damage, withCandle, without } from './damage.ts';
import { linesOf } from './lines.ts';
import { BEGIN_MS, createSmallMarket, EPOCH } from './small-market.ts';
import { type SmallPipeline, startSmallPipeline } from './small-pipeline.ts';

/** Stored data is damaged by hand here; events that go astray are in `astray.test.ts`. */

const SECONDS = 700;
/** Windows as they were before their symbols stood in one text: one that is right, one that is damaged. */
const OLD = 17;
const OLD_DAMAGED = 19;
let pipeline: SmallPipeline;
let damage: Damage;

beforeAll(async () => {
  const events: readonly MarketEvent[] = createSmallMarket(SECONDS, Date.now());
  pipeline = await startSmallPipeline();
  await pipeline.ingest(events);
  await pipeline.flow();
  damage = createDamage(pipeline.client, events);
});

afterAll(() => pipeline.close());

function audit(options: Partial<AuditOptions> = {}): Promise<AuditReport> {
  return runAudit({ ...pipeline.audit, ...options });
}

test('runAudit() finds nothing, when the real functions made what it looks at, one window in the old form', async () => {
  await damage.oldForm(OLD);
  const report = await audit({ isRecorded: true });
  expect(linesOf(report)).toEqual([]);
  expect(report.verdict).toBe('clean');
  expect(report.subjects.get('windows')?.checked).toBe((SECONDS / 5) * 2);
  expect(report.subjects.get('trades')?.checked).toBe(report.read.trades);
  expect(report.subjects.get('candles_5s')?.checked).toBeGreaterThan(400);
  expect(report.subjects.get('market.candles.v1')?.checked).toBe(report.subjects.get('candles_5s')?.checked);
  expect(report.subjects.get('feed_gaps')?.checked).toBe(2);
  for (const table of ['candles_1m', 'candles_5m', 'candles_1h', 'candles_1d'] as const)
    expect(report.subjects.get(table)?.checked, table).toBeGreaterThanOrEqual(3);
  expect(Object.keys(report.read.notCounted).toSorted()).toEqual([
    'bad_price',
    'bad_symbol',
    'no_trade',
    'too_late',
  ]);
  // Correct by the rules, and yet what somebody may miss: beside the verdict, and within a bound.
  expect(report.refused).toMatchObject({ tooLate: report.read.notCounted.too_late, tooFarAhead: 0 });
  expect(report.refused.byReason['too_late']).toBe(report.refused.tooLate);
  const { ppm } = report.refused;
  expect(ppm).toBeGreaterThan(0);
  expect((await audit({ maxRefusedPpm: ppm })).verdict).toBe('clean');
  expect((await audit({ maxRefusedPpm: ppm - 1 })).verdict).toBe('refused');
  const [row] = await damage.cql("SELECT * FROM audits WHERE scope = 'all' LIMIT 1");
  expect(row?.['verdict']).toBe('clean');
  expect(row?.['trades_checked']).toBe(BigInt(report.read.trades));
});

const CANDLE = "feed = 'test' AND shard = 'test-00' AND bucket = ? AND symbol = 'AAPL' AND start = ?";
const TRADE =
  "feed = 'test' AND shard = 'test-00' AND bucket = ? AND symbol = 'AAPL' AND time = ? AND id = ?";
const INSERT_TRADE =
  "INSERT INTO trades (feed, shard, bucket, symbol, time, id, price, size) VALUES ('test', 'test-00', ?, ?, ?, ?, 1, 1)";
const INSERT_CANDLE =
  "INSERT INTO candles_5s (feed, shard, bucket, symbol, start, open) VALUES ('test', 'test-00', ?, 'AAPL', ?, 1)";
/** After the last trade. */
const BEYOND = SECONDS / 5;
const NEXT_HOUR = 720;

interface Planted {
  readonly name: string;
  readonly plant: (damage: Damage) => Promise<unknown>;
  readonly found: readonly (string | RegExp)[];
}

const PLANTED: readonly Planted[] = [
  {
    name: 'a trade row is missing',
    async plant({ cql, firstTrade, tradesBucket }) {
      const { time, id } = await firstTrade(1);
      await cql(`DELETE FROM trades WHERE ${TRADE}`, tradesBucket(1), time, id);
    },
    found: [/^trades \| missing \| 1 \| AAPL \| 1 of \d+: t\d+$/],
  },
  {
    name: 'a trade row is too many',
    plant: ({ cql, tradesBucket, start }) => cql(INSERT_TRADE, tradesBucket(2), 'AAPL', start(2), 'made-up'),
    found: [/^trades \| extra \| 2 \| AAPL \| 1 of \d+: made-up$/],
  },
  {
    name: 'a trade row has another price',
    async plant({ cql, firstTrade, tradesBucket }) {
      const { time, id } = await firstTrade(3);
      await cql(`UPDATE trades SET price = 1 WHERE ${TRADE}`, tradesBucket(3), time, id);
    },
    found: [/^trades \| different \| 3 \| AAPL \| 1 of \d+: t\d+$/],
  },
  {
    name: 'a candle has a wrong price',
    plant: ({ cql, candlesBucket, start }) =>
      cql(`UPDATE candles_5s SET high = 12345 WHERE ${CANDLE}`, candlesBucket(6), start(6)),
    found: ['candles_5s | different | 6 | AAPL | high'],
  },
  {
    name: 'a candle is missing',
    plant: ({ cql, candlesBucket, start }) =>
      cql(`DELETE FROM candles_5s WHERE ${CANDLE}`, candlesBucket(5), start(5)),
    found: ['candles_5s | missing | 5 | AAPL | candle'],
  },
  {
    name: 'a candle and a trade are too many, after the last window',
    plant: ({ cql, candlesBucket, tradesBucket, start }) =>
      Promise.all([
        cql(INSERT_CANDLE, candlesBucket(BEYOND), start(BEYOND)),
        cql(INSERT_TRADE, tradesBucket(BEYOND), 'AAPL', start(BEYOND), 'made-up'),
      ]),
    found: [
      `candles_5s | extra | ${BEYOND} | AAPL | candle`,
      `trades | extra | ${BEYOND} | AAPL | 1 of 0: made-up`,
    ],
  },
  {
    name: 'a candle and a trade are too many, in an hour without trades and of a symbol without trades',
    plant: ({ cql, candlesBucket, tradesBucket, start }) =>
      Promise.all([
        cql(INSERT_CANDLE, candlesBucket(NEXT_HOUR), start(NEXT_HOUR)),
        cql(INSERT_TRADE, tradesBucket(NEXT_HOUR), 'NONE', start(NEXT_HOUR), 'made-up'),
      ]),
    found: [
      `candles_5s | extra | ${NEXT_HOUR} | AAPL | candle`,
      `trades | extra | ${NEXT_HOUR} | NONE | 1 of 0`,
    ],
  },
  {
    name: "a candle and a trade of a known symbol stand in a shard that is not its own, and under a feed that is not its shard's",
    plant: ({ cql, candlesBucket, tradesBucket, start }) =>
      Promise.all([
        cql(INSERT_CANDLE.replace('test-00', 'test-01'), candlesBucket(15), start(15)),
        cql(INSERT_TRADE.replace("'test'", "'other'"), tradesBucket(16), 'AAPL', start(16), 'made-up'),
      ]),
    found: ['candles_5s | extra | 15 | AAPL | candle', 'trades | extra | 16 | AAPL | 1 of 0'],
  },
  {
    name: 'a row of a window was changed by a transaction',
    plant: ({ change }) => change(7, (window) => withCandle(window, 'AAPL', { lowE8: e8(1n) })),
    found: ['windows | different | 7 | AAPL | low_e8'],
  },
  {
    name: 'a row of a window in the old form was changed by a transaction',
    async plant({ cql, oldForm, start }) {
      await oldForm(OLD_DAMAGED);
      await cql(
        "UPDATE windows SET low_e8 = 1 WHERE shard = 'test-00' AND window_start = ? AND symbol = 'AAPL' IF version > 0",
        start(OLD_DAMAGED),
      );
    },
    found: [`windows | different | ${OLD_DAMAGED} | AAPL | low_e8`],
  },
  {
    name: 'a batch is counted twice in a window',
    plant: ({ change, batchOf, mergeAgain }) => change(8, (window) => mergeAgain(window, batchOf(8), 8)),
    found: [
      /^windows \| different \| 8 \| (AAPL|EUR.USD) \| .*volume_e8.* \(batch \d+:\d+ is counted twice\)$/,
      /^market.candles.v1 \| different \| 8 \| (AAPL|EUR.USD) \| version, state, revision, reason$/,
      /^candles_5s \| different \| 8 \| (AAPL|EUR.USD) \| version, state, revision, reason$/,
    ],
  },
  {
    name: 'a batch is missing in applied',
    plant: ({ change, batchOf }) =>
      change(9, (window) => ({
        ...window,
        version: window.version + 1,
        applied: without(window.applied, batchOf(9).sequence),
      })),
    found: [/^windows \| different \| 9 \| - \| applied without \d+:\d+$/],
  },
  {
    name: 'applied names a batch that has no trade in the window',
    plant: ({ change }) =>
      change(10, (window) => ({
        ...window,
        version: window.version + 1,
        applied: new Map([[EPOCH, [...(window.applied.get(EPOCH) ?? []), [200, 200]]]]),
      })),
    found: [/^windows \| different \| 10 \| - \| applied with \d+:200$/],
  },
  {
    name: 'a window is missing',
    plant: ({ cql, start }) =>
      cql("DELETE FROM windows WHERE shard = 'test-00' AND window_start = ?", start(11)),
    found: ['windows | missing | 11 | - | window'],
  },
  {
    name: 'a row of a window is missing, and one too many',
    plant: ({ change }) =>
      // The row of the one is there as that of the other.
      change(12, (window) => withCandle(window, 'AAPL', { symbol: 'NONE' })),
    found: [/^windows \| missing \| 12 \| AAPL \| row/, /^windows \| extra \| 12 \| NONE \| row/],
  },
  {
    name: 'the symbols of a window cannot be read',
    plant: ({ scribble }) => scribble(14, (symbols) => symbols.slice(0, -1)),
    found: [/^windows \| missing \| 14 \| (AAPL|EUR.USD) \| row/],
  },
  {
    name: 'a final window was opened again',
    plant: ({ change }) =>
      change(13, (window) => ({ ...window, version: window.version + 1, finalVersion: 0 })),
    found: ['windows | different | 13 | - | not closed'],
  },
  {
    name: 'a window does not know that a gap touches it',
    plant: ({ change }) =>
      change(21, (window) => ({ ...window, version: window.version + 1, incompleteVersion: 0 })),
    found: [
      'windows | different | 21 | - | complete',
      /^market.candles.v1 \| different \| 21 \| (AAPL|EUR.USD) \| .*complete/,
      /^candles_5s \| different \| 21 \| (AAPL|EUR.USD) \| .*complete/,
    ],
  },
  {
    name: 'a longer candle is wrong, another missing, a third too many',
    plant: ({ cql, start }) => {
      const bucket = (n: number, lengthMs: number): Date =>
        new Date(start(n).getTime() - (start(n).getTime() % lengthMs));
      return Promise.all([
        cql(`UPDATE candles_1m SET close = 1 WHERE ${CANDLE}`, bucket(48, 7_200_000), start(48)),
        cql(`DELETE FROM candles_5m WHERE ${CANDLE}`, bucket(60, 36_000_000), start(60)),
        cql(
          "INSERT INTO candles_1h (feed, shard, bucket, symbol, start, open) VALUES ('test', 'test-00', ?, 'AAPL', ?, 1)",
          bucket(1440, 432_000_000),
          start(1440),
        ),
      ]);
    },
    found: [
      'candles_1m | different | 48 | AAPL | close',
      'candles_5m | missing | 60 | AAPL | candle',
      'candles_1h | extra | 1440 | AAPL | candle',
    ],
  },
  {
    name: 'a gap is missing in the ledger, and another is too many',
    plant: ({ cql, day }) =>
      Promise.all([
        cql(
          "DELETE FROM feed_gaps WHERE feed = 'test' AND day = ? AND from_time = ? AND shard = 'test-00' AND reason = 'disconnected'",
          day(20),
          new Date(BEGIN_MS + 101_000),
        ),
        cql(
          "INSERT INTO feed_gaps (feed, day, from_time, shard, reason, to_time, dropped_records) VALUES ('test', ?, ?, 'test-00', 'silent', ?, 0)",
          day(30),
          new Date(BEGIN_MS + 150_000),
          new Date(BEGIN_MS + 151_000),
        ),
      ]),
    found: [
      /^feed_gaps \| missing \| 20 \| - \| gap from .*, disconnected$/,
      /^feed_gaps \| extra \| 30 \| - \| gap from .*, silent$/,
    ],
  },
];

test('runAudit() finds each planted damage and nothing else, and names it', async () => {
  for (const { plant } of PLANTED) await plant(damage);
  const report = await audit();
  expect(report.verdict).toBe('different');
  const lines = linesOf(report);
  const isFound = (pattern: string | RegExp, line: string): boolean =>
    typeof pattern === 'string' ? line === pattern : pattern.test(line);
  for (const { name, found } of PLANTED)
    for (const pattern of found)
      expect(
        lines.some((line) => isFound(pattern, line)),
        `${name}: ${pattern}\n${lines.join('\n')}`,
      ).toBe(true);
  const patterns = PLANTED.flatMap(({ found }) => found);
  expect(lines.filter((line) => !patterns.some((pattern) => isFound(pattern, line)))).toEqual([]);
});

test('runAudit() changes nothing and says what it would do, when a repair is only tried', async () => {
  const before = linesOf(await audit());
  const said: string[] = [];
  const report = await audit({ repair: 'dry-run', onProgress: (line) => said.push(line) });
  expect(report.repair).toMatchObject({ isDryRun: true });
  expect(said.filter((line) => line.startsWith('window test-00')).length).toBe(report.repair?.windows);
  expect(linesOf(await audit())).toEqual(before);
});

test('runAudit() finds nothing, when everything was repaired and the candles were taken by persist', async () => {
  const repaired = await audit({ repair: 'yes' });
  expect(repaired.repair?.left).toEqual([]);
  // Longer candles follow when persist has taken the repaired ones.
  expect(linesOf(await audit()).filter((line) => !/^candles_1[mhd]|^candles_5m/.test(line))).toEqual([]);
  await pipeline.flow();
  // What persist has made of damaged longer candles meanwhile.
  await audit({ repair: 'yes' });
  expect(linesOf(await audit())).toEqual([]);
  const again = await audit({ repair: 'yes' });
  expect(again.repair).toBeNull();
  // What was repaired is in the new form, and nothing else.
  const formOf = async (n: number): Promise<unknown> => {
    const query = "SELECT applied, symbols FROM windows WHERE shard = 'test-00' AND window_start = ? LIMIT 1";
    const [row] = await damage.cql(query, damage.start(n));
    return { isNew: row?.['symbols'] !== null, mark: String(row?.['applied']).startsWith('v2 ') };
  };
  expect(await formOf(OLD_DAMAGED)).toEqual({ isNew: true, mark: true });
  expect(await formOf(OLD)).toEqual({ isNew: false, mark: false });
});
