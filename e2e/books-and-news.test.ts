import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readPlan } from '@kandle/knative/read-plan';
import { startPipeline } from '@kandle/stand-in/pipeline';
import { startSimulator } from '@kandle/feeds/simulator/server';
import { expect, inject, onTestFinished, test } from 'vitest';

const DEADLINE_MS = 240_000;

test(
  'books and news of the simulated market reach their tables, and trades and candles are as exact as ever',
  async () => {
    const keyspace = `kinds${Date.now()}`;
    const logFolder = mkdtempSync(join(tmpdir(), 'kandle-kinds-'));
    onTestFinished(() => rmSync(logFolder, { recursive: true, force: true }));
    const simulator = await startSimulator({ port: 0, seed: 3, rate: 100, symbols: 5 });
    onTestFinished(() => simulator.close());
    const pipeline = await startPipeline({
      plan: await readPlan(),
      servers: { kafkaBrokers: inject('kafkaBrokers'), cassandra: inject('cassandra') },
      keyspace,
      prefix: `${keyspace}.`,
      logFolder,
      feed: {
        FEED: 'sim',
        FEED_URL: simulator.url,
        FINNHUB_TOKEN: 'simulator',
        SYMBOLS: simulator.symbols.join(','),
        BOOKS: 'true',
        NEWS: 'true',
      },
      log: () => undefined,
      hooks: { onSpawn: () => undefined, onExit: () => undefined },
    });
    onTestFinished(async () => {
      await pipeline.client.execute(`DROP KEYSPACE IF EXISTS ${keyspace}`).catch(() => undefined);
      await pipeline.stop();
    });
    const select = async (what: string) => (await pipeline.client.execute(`SELECT ${what}`)).rows;
    const read = (table: string) => select(`* FROM ${keyspace}.${table}`);
    const until = async (what: string, isTrue: () => Promise<boolean>): Promise<void> => {
      const deadline = performance.now() + DEADLINE_MS;
      while (!(await isTrue())) {
        if (performance.now() > deadline) throw new Error(`Not in time: ${what}; see ${logFolder}`);
        await sleep(200);
      }
    };

    await until('books of every symbol', async () => {
      const books = await read('order_books');
      return new Set(books.map((row) => String(row['symbol']))).size === 5;
    });
    await until('news', async () => (await read('news')).length > 0);
    simulator.setSilent(true);
    await until('the end of everything', () => pipeline.isAtRest());

    for (const row of await read('order_books')) {
      expect(Number(row['bid'])).toBeLessThan(Number(row['ask']));
      expect(Number(row['spread'])).toBeGreaterThan(0);
      expect(JSON.parse(String(row['bids']))[0]).toEqual([row['bid'], row['bid_size']]);
      expect(JSON.parse(String(row['asks']))[0]).toEqual([row['ask'], row['ask_size']]);
    }
    const news = await read('news');
    expect(news[0]).toMatchObject({ feed: 'sim', source: 'Simulator', category: 'company', rated: true });
    expect(new Set(news.map((row) => `${row['symbol']} ${row['id']}`)).size).toBe(news.length);

    // Sequences of trades have no hole because of them: every trade that ingest sent is in a final candle.
    const status = await pipeline.ingestStatus();
    const candles = await select(`state, trade_count FROM ${keyspace}.candles_5s`);
    expect(new Set(candles.map((row) => String(row['state'])))).not.toContain('provisional');
    const counted = candles.reduce((sum, row) => sum + Number(row['trade_count']), 0);
    expect(counted).toBe(status?.records);
    expect(status?.rejected).toBe(0);
  },
  DEADLINE_MS * 3,
);
