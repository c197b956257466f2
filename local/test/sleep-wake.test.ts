import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { TOPICS } from '@kandle/market/event/topics';
import { expect, inject, onTestFinished, test } from 'vitest';
import { readPlan } from '@kandle/knative/read-plan';
import { type Pipeline, startPipeline } from '@kandle/stand-in/pipeline';
import { freePort } from '@kandle/servers/ports/ports';
import { type Simulator, startSimulator } from '@kandle/feeds/simulator/server';
import { createKafkaWatch, type KafkaWatch } from '../src/view/kafka-watch.ts';

const IDLE_MS = 3_000;
const DEADLINE_MS = 90_000;

interface Stack {
  readonly pipeline: Pipeline;
  readonly simulator: Simulator;
  readonly watch: KafkaWatch;
  readonly keyspace: string;
  /** What the exporter says now, without comments. */
  readMetrics(): Promise<readonly string[]>;
  /** Waits for a condition, and says what the functions logged when it does not come true. */
  until(what: string, isTrue: () => boolean | Promise<boolean>): Promise<void>;
}

/** The whole pipeline on the test run's Kafka and Cassandra, in topics and a keyspace of its own. */
async function startStack(): Promise<Stack> {
  const keyspace = `sleep${Date.now()}`;
  const prefix = `${keyspace}.`;
  const logFolder = mkdtempSync(join(tmpdir(), 'kandle-sleep-'));
  onTestFinished(() => rmSync(logFolder, { recursive: true, force: true }));
  const simulator = await startSimulator({ port: 0, seed: 11, rate: 300, symbols: 10 });
  onTestFinished(() => simulator.close());
  const watched = {
    candles: prefix + TOPICS.candles,
    signals: prefix + TOPICS.signals,
    rejects: prefix + TOPICS.rejects,
    dead: prefix + TOPICS.dead,
  };
  const watch = await createKafkaWatch(inject('kafkaBrokers'), watched, true);
  onTestFinished(() => watch.close());
  const metricsPort = await freePort();
  const pipeline = await startPipeline({
    plan: await readPlan(),
    servers: { kafkaBrokers: inject('kafkaBrokers'), cassandra: inject('cassandra') },
    keyspace,
    prefix,
    logFolder,
    feed: {
      FEED: 'sim',
      FEED_URL: simulator.url,
      FINNHUB_TOKEN: 'simulator',
      SYMBOLS: simulator.symbols.join(','),
    },
    idleMs: IDLE_MS,
    metricsPort,
    processEnv: (name) => (name === 'exporter' ? { COLLECT_INTERVAL_MS: '500' } : {}),
    log: () => undefined,
    hooks: { onSpawn: () => undefined, onExit: () => undefined },
  });
  onTestFinished(async () => {
    await pipeline.client.execute(`DROP KEYSPACE IF EXISTS ${keyspace}`).catch(() => undefined);
    await pipeline.stop();
  });
  await watch.start();

  return {
    pipeline,
    simulator,
    watch,
    keyspace,
    async readMetrics() {
      const text = await (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text();
      return text.split('\n').filter((line) => /^[a-z]/.test(line));
    },
    async until(what, isTrue) {
      const deadline = performance.now() + DEADLINE_MS;
      while (!(await isTrue())) {
        if (performance.now() > deadline) {
          const stats = [...pipeline.services.values()].map((service) => service.stats());
          const logs = readdirSync(logFolder).map(
            (name) => `${name}: ${readFileSync(join(logFolder, name), 'utf8').slice(-2_000)}`,
          );
          throw new Error(`Not in time: ${what}\n${JSON.stringify(stats)}\n${logs.join('\n')}`);
        }
        await sleep(50);
      }
    },
  };
}

/** What the view of candles holds, of all symbols. */
async function readCandles({ pipeline, keyspace }: Stack): Promise<{
  readonly trades: number;
  readonly states: ReadonlySet<string>;
  readonly symbols: ReadonlySet<string>;
  readonly count: number;
}> {
  const { rows } = await pipeline.client.execute(
    `SELECT feed, symbol, state, trade_count FROM ${keyspace}.candles_5s`,
    [],
    { prepare: true, fetchSize: 50_000 },
  );
  return {
    trades: rows.reduce((sum, row) => sum + Number(row['trade_count']), 0),
    states: new Set(rows.map((row) => String(row['state']))),
    symbols: new Set(rows.map((row) => `${row['feed']} ${row['symbol']}`)),
    count: rows.length,
  };
}

test('every function sleeps when the market is silent, with all candles final, and the first trade wakes them', {
  timeout: 4 * DEADLINE_MS,
}, async () => {
  const stack = await startStack();
  const { pipeline, simulator, watch, until } = stack;
  // Notify is woken by a signal, and there may be none in so short a time.
  const stats = () =>
    [...pipeline.services.values()]
      .map((service) => service.stats())
      .filter(({ name }) => name !== 'notify' && name !== 'query');
  /** A process that is being stopped still has its pid. */
  const areAsleep = (): boolean =>
    stats().every(({ ready, starting, pids }) => ready + starting + pids.length === 0);
  const coldStarts = (): readonly number[] => stats().map((one) => one.coldStarts);

  await until('final candles of several symbols', () => watch.board.finalCandles() >= 5);
  await until('every function has a process', () => stats().every(({ ready }) => ready > 0));

  simulator.setSilent(true);
  const sent = simulator.stats().trades;
  // The last windows are closed some seconds after their last trade: a function may sleep and wake in between.
  await until('every window is final', () => pipeline.isAtRest());
  await until('no function has a process', areAsleep);
  expect(await pipeline.isAtRest()).toBe(true);
  const startsBefore = coldStarts();
  await watch.catchUp(DEADLINE_MS);
  const asleep = await readCandles(stack);
  // A trade that was late for its window makes a revision; nothing is provisional any more, and nothing is
  // missing.
  expect(asleep.states).not.toContain('provisional');
  expect(asleep.trades).toBe(sent);
  expect(asleep.count).toBe(watch.board.finalCandles());
  expect([...asleep.symbols].every((symbol) => symbol.startsWith('sim SIM:'))).toBe(true);
  expect(simulator.stats().trades).toBe(sent);
  // What must be known while nothing runs. A source commits every five seconds.
  await until('the exporter says that nothing is open or left to do', async () => {
    const lines = await stack.readMetrics();
    const lags = lines.filter((line) => line.startsWith('kandle_consumer_lag_events'));
    return (
      lags.length >= pipeline.sources.length &&
      lags.every((line) => line.endsWith(' 0')) &&
      lines.includes('kandle_open_windows{feed="sim"} 0') &&
      lines.includes('kandle_up{part="cassandra"} 1')
    );
  });
  const fresh = (await stack.readMetrics()).filter((line) => line.startsWith('kandle_newest_trade_'));
  expect(fresh).toHaveLength(asleep.symbols.size);

  simulator.setSilent(false);
  await until('every function has a process again', () => stats().every(({ ready }) => ready > 0));
  expect(coldStarts().every((count, place) => count > (startsBefore[place] ?? 0))).toBe(true);
  await until('new final candles', () => watch.board.finalCandles() > asleep.count);

  simulator.setSilent(true);
  const sentInAll = simulator.stats().trades;
  await until('every trade is in a final candle', async () => {
    const now = await readCandles(stack);
    return now.trades === sentInAll && !now.states.has('provisional');
  });
  await until('no function has a process', areAsleep);
  expect(watch.metrics()).toEqual({ rejects: 0, deadLetters: 0 });
  expect(stats().every(({ crashes }) => crashes === 0)).toBe(true);
});
