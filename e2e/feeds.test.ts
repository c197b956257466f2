import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startVendorMarket, type VendorMarket } from '@kandle/feeds/vendor/vendor-market';
import { VENDOR_SERVERS, type VendorName } from '@kandle/feeds/vendor/vendor-servers';
import { readPlan } from '@kandle/knative/read-plan';
import { WINDOW_MS } from '@kandle/market/window/window';
import { startPipeline } from '@kandle/stand-in/pipeline';
import { expect, inject, onTestFinished, test } from 'vitest';
import { expectCleanAudit } from './clean-audit.ts';
import { readRejects } from './read-rejects.ts';

const DEADLINE_MS = 120_000;
/** The same of every feed: were series to mix, nothing would be right. */
const SYMBOLS = ['AAPL', 'MSFT'];
const TOLD_BEFORE_THE_KILL = 60;
const TOLD = 240;
const REPEATED = 20;
const NAMES = Object.keys(VENDOR_SERVERS) as readonly VendorName[];

/** A final candle as the view has it, or as a plain reading of what was told makes it. */
interface PlainCandle {
  readonly symbol: string;
  readonly startMs: number;
  readonly ohlc: readonly number[];
  readonly count: number;
  readonly volume: number;
  /** Null where nobody can know it. */
  readonly vwap: number | null;
  readonly sampled: boolean;
}

test(
  'every vendor at once, each killed in the middle and spoilt as feeds are, ends in exact windows of its own and a clean audit',
  async () => {
    const keyspace = `feeds${Date.now()}`;
    const prefix = `${keyspace}.`;
    const logFolder = mkdtempSync(join(tmpdir(), 'kandle-feeds-'));
    onTestFinished(() => rmSync(logFolder, { recursive: true, force: true }));
    const markets: VendorMarket[] = [];
    for (const [place, name] of NAMES.entries()) {
      const options = { feed: name, symbols: SYMBOLS, seed: place + 1, everyMs: 40, redeliverMs: 45_000 };
      const market = await startVendorMarket(name, options);
      onTestFinished(() => market.close());
      markets.push(market);
    }
    const [first, ...others] = markets.map(({ env }) => ({ ...env, RECONNECT_MIN_MS: '100' }));
    const pipeline = await startPipeline({
      plan: await readPlan(),
      servers: { kafkaBrokers: inject('kafkaBrokers'), cassandra: inject('cassandra') },
      keyspace,
      prefix,
      logFolder,
      feed: first ?? null,
      moreFeeds: others,
      log: () => undefined,
      hooks: { onSpawn: () => undefined, onExit: () => undefined },
    });
    onTestFinished(async () => {
      await pipeline.client.execute(`DROP KEYSPACE IF EXISTS ${keyspace}`).catch(() => undefined);
      await pipeline.stop();
    });
    const eachHas = (count: number) =>
      until(() => markets.every((market) => market.told().length >= count), `${count} told by each`);

    await eachHas(TOLD_BEFORE_THE_KILL / 2);
    for (const market of markets) spoil(market);
    await eachHas(TOLD_BEFORE_THE_KILL);
    const before = new Map(markets.map((market) => [market.name, market.connections()]));
    for (const ingest of pipeline.ingests.values()) ingest.kill();
    await until(
      () => markets.every((market) => market.connections() > (before.get(market.name) ?? 0)),
      'a new ingest of each feed',
    );
    await eachHas(TOLD);
    for (const market of markets) market.set('mute');
    const told = markets.reduce((sum, market) => sum + market.told().length, 0);
    const candles = async () =>
      (await pipeline.client.execute(`SELECT * FROM ${keyspace}.candles_5s`)).rows.map((row) => ({
        feed: String(row['feed']),
        state: String(row['state']),
        symbol: String(row['symbol']),
        startMs: row['start'].getTime(),
        ohlc: ['open', 'high', 'low', 'close'].map((name) => Number(row[name])),
        count: Number(row['trade_count']),
        volume: Number(row['volume']),
        vwap: Number.isNaN(row['vwap']) ? null : Number(row['vwap']),
        sampled: Boolean(row['sampled']),
      }));
    await until(async () => {
      const rows = await candles();
      const counted = rows.reduce((sum, { count }) => sum + count, 0);
      return (
        counted >= told && (await pipeline.isAtRest()) && !rows.some(({ state }) => state === 'provisional')
      );
    }, `${told} entries in final candles`);

    const found = Map.groupBy(await candles(), ({ feed }) => feed);
    expect([...found.keys()].toSorted()).toEqual(NAMES.toSorted());
    for (const market of markets) {
      const rows = (found.get(market.name) ?? []).map(({ feed: _, state: __, ...candle }) => candle);
      expect(rows.toSorted(inOrder), market.name).toEqual(plainCandles(market));
      // What it was told again after the kill, and on the same line, it has known.
      const status = await pipeline.ingests.get(market.name)?.status();
      expect(status?.duplicates, market.name).toBeGreaterThan(0);
      expect(status, market.name).toMatchObject({ connected: true, dropped: 0 });
    }
    const { rows: stored } = await pipeline.client.execute(`SELECT feed FROM ${keyspace}.trades`);
    const storedOf = Map.groupBy(stored, (row) => String(row['feed']));
    const traded = markets.filter(({ server }) => !server.isSampled);
    expect(new Map([...storedOf].map(([feed, rows]) => [feed, rows.length]))).toEqual(
      new Map(traded.map((market) => [market.name, market.told().length])),
    );
    const rejects = await readRejects(inject('kafkaBrokers'), prefix + 'market.rejects.v1');
    expect([...new Set(rejects.map(({ reason }) => reason))]).toEqual(['bad_frame']);
    const { subjects, read } = await expectCleanAudit(keyspace);
    expect(subjects.get('trades')?.checked).toBe(
      traded.reduce((sum, market) => sum + market.told().length, 0),
    );
    expect(read.trades).toBe(told);
  },
  DEADLINE_MS * 2,
);

/** What feeds do: garbage, the same again, some late, and half a frame as the line breaks. */
function spoil(market: VendorMarket): void {
  market.sendGarbage(['garbage']);
  // Of trades without an id, what comes again on the same line are others.
  if (market.name !== 'finnhub') market.retell(REPEATED);
  market.tellAged(1_500, 2);
  market.cutWithinFrame();
}

/** The windows of what was told, in the plainest way: collect, sort by time keeping the order, look. */
function plainCandles(market: VendorMarket): readonly PlainCandle[] {
  const { isSampled } = market.server;
  const dayVolumes = new Map<string, number>();
  const looks = market.told().map(({ symbol, price, atMs, dayVolume }) => {
    const before = dayVolumes.get(symbol) ?? dayVolume ?? 0;
    dayVolumes.set(symbol, dayVolume ?? 0);
    // Those who show looks say the time in whole seconds, and the volume of the day.
    const timeMs = isSampled ? atMs - (atMs % 1_000) : atMs;
    return { symbol, price, timeMs, size: isSampled ? (dayVolume ?? 0) - before : 1 };
  });
  const windows = Map.groupBy(looks, ({ symbol, timeMs }) => `${symbol} ${timeMs - (timeMs % WINDOW_MS)}`);
  return [...windows]
    .map(([key, unsorted]) => {
      const sorted = unsorted.toSorted((a, b) => a.timeMs - b.timeMs);
      const prices = sorted.map(({ price }) => price);
      const volume = sorted.reduce((sum, { size }) => sum + size, 0);
      const notionalCents = prices.reduce((sum, price) => sum + Math.round(price * 100), 0);
      return {
        symbol: key.split(' ')[0] ?? '',
        startMs: Number(key.split(' ')[1]),
        ohlc: [prices[0] ?? 0, Math.max(...prices), Math.min(...prices), prices.at(-1) ?? 0],
        count: sorted.length,
        volume,
        vwap: isSampled ? null : expect.closeTo(notionalCents / 100 / volume, 6),
        sampled: isSampled,
      };
    })
    .toSorted(inOrder);
}

function inOrder(a: PlainCandle, b: PlainCandle): number {
  return a.startMs - b.startMs || (a.symbol < b.symbol ? -1 : 1);
}

async function until(isSo: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`Not in time: ${what}`);
    await sleep(200);
  }
}
