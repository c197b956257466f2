import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startGenerator } from '@kandle/feeds/ndjson/generator';
import { startTwelveDataServer } from '@kandle/feeds/twelvedata/server';
import { startSampledMarket } from '@kandle/feeds/vendor/sampled-market';
import { startYahooServer } from '@kandle/feeds/yahoo/server';
import { readPlan } from '@kandle/knative/read-plan';
import { startPipeline } from '@kandle/stand-in/pipeline';
import { expect, inject, onTestFinished, test } from 'vitest';

const DEADLINE_MS = 240_000;
const MARKET = { seed: 5, rate: 40, symbols: 4 };

test(
  'three vendors at once each have their own candles: of trades exact, of looks marked so, and no look among the trades',
  async () => {
    const keyspace = `feeds${Date.now()}`;
    const logFolder = mkdtempSync(join(tmpdir(), 'kandle-feeds-'));
    onTestFinished(() => rmSync(logFolder, { recursive: true, force: true }));
    const market = startSampledMarket({
      ...MARKET,
      onSamples(samples) {
        twelvedata.show(samples);
        yahoo.show(samples);
      },
    });
    const twelvedata = await startTwelveDataServer(0, (symbol) => market.symbols.includes(symbol));
    const yahoo = await startYahooServer(0, (symbol) => market.last(symbol));
    const place = { host: '127.0.0.1', port: 0, way: 'listen' } as const;
    const generator = await startGenerator({ ...MARKET, kind: 'trades' }, place, () => undefined);
    const stopFeeds = async (): Promise<void> => {
      market.close();
      await Promise.all([twelvedata.close(), yahoo.close(), generator.close()]);
    };
    const SYMBOLS = market.symbols.join(',');
    const pipeline = await startPipeline({
      plan: await readPlan(),
      servers: { kafkaBrokers: inject('kafkaBrokers'), cassandra: inject('cassandra') },
      keyspace,
      prefix: `${keyspace}.`,
      logFolder,
      feed: { FEED: 'td', VENDOR: 'twelvedata', FEED_URL: twelvedata.url, TWELVEDATA_KEY: 'key', SYMBOLS },
      moreFeeds: [
        { FEED: 'yahoo', VENDOR: 'yahoo', FEED_URL: yahoo.url, SYMBOLS },
        { FEED: 'tcp', VENDOR: 'ndjson', FEED_URL: generator.url, NDJSON_MAPPING: 'trades', SYMBOLS: '' },
      ],
      log: () => undefined,
      hooks: { onSpawn: () => undefined, onExit: () => undefined },
    });
    onTestFinished(async () => {
      await stopFeeds();
      await pipeline.client.execute(`DROP KEYSPACE IF EXISTS ${keyspace}`).catch(() => undefined);
      await pipeline.stop();
    });
    const read = async (table: string) =>
      (await pipeline.client.execute(`SELECT * FROM ${keyspace}.${table}`)).rows.map((row) => ({
        feed: String(row['feed']),
        sampled: Boolean(row['sampled']),
        vwap: Number(row['vwap']),
        volume: Number(row['volume']),
        state: String(row['state']),
        count: Number(row['trade_count']),
      }));
    const finals = async (feed: string) =>
      (await read('candles_5s')).filter((row) => row.feed === feed && row.state !== 'provisional');

    const deadline = performance.now() + DEADLINE_MS;
    for (const feed of ['td', 'yahoo', 'tcp']) {
      while ((await finals(feed)).length < 4) {
        if (performance.now() > deadline) throw new Error(`No final candles of ${feed}; see ${logFolder}`);
        await sleep(500);
      }
    }
    for (const feed of ['td', 'yahoo']) {
      // What a day's volume has grown by is known from the second look on.
      while (!(await finals(feed)).some(({ volume }) => volume > 0)) {
        if (performance.now() > deadline) throw new Error(`No volume of ${feed}; see ${logFolder}`);
        await sleep(500);
      }
      const rows = await finals(feed);
      expect(rows.every(({ sampled, vwap }) => sampled && Number.isNaN(vwap))).toBe(true);
      expect(rows.every(({ volume }) => volume >= 0)).toBe(true);
    }
    const traded = await finals('tcp');
    expect(traded.every(({ sampled, vwap, volume }) => !sampled && vwap > 0 && volume > 0)).toBe(true);
    expect(new Set((await read('trades')).map(({ feed }) => feed))).toEqual(new Set(['tcp']));
    expect(await pipeline.ingestStatus()).toMatchObject({ connected: true, rejected: 0, dropped: 0 });
  },
  DEADLINE_MS * 2,
);
