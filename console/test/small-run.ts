import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readPlan } from '@kandle/knative/read-plan';
import { createLocalAnswers } from '@kandle/local/console/local-answers';
import { createLocalPages } from '@kandle/local/console/local-pages';
import { createProgress, WATCHED_TOPICS } from '@kandle/local/progress';
import { createKafkaWatch } from '@kandle/local/view/kafka-watch';
import { TOPICS } from '@kandle/market/event/topics';
import { formatRawBatch } from '@kandle/market/feed/raw-batch';
import { createEventProducer } from '@kandle/runtime/event-producer';
import { createKafka, KafkaEnv } from '@kandle/runtime/kafka';
import { createLogger } from '@kandle/runtime/log';
import { freePort } from '@kandle/servers/ports/ports';
import { startPipeline } from '@kandle/stand-in/pipeline';
import { createCqlWire } from '@kandle/testkit/proxy/cql-wire';
import { startProxy } from '@kandle/testkit/proxy/tcp-proxy';
import { afterAll, beforeAll, inject } from 'vitest';

export const SYMBOL = 'BINANCE:BTCUSDT';
const SHARD = 'finnhub-02';
const IDLE_MS = 4_000;

/** What sends no trade by itself. */
const NO_FEED = {
  name: 'nothing',
  symbols: [SYMBOL],
  tradeCount: null,
  ends: false,
  simulator: null,
  leftOut: () => [],
  hasBegun: () => true,
  envs: [],
  close: async () => undefined,
};

/**
 * All functions as `npm start` runs them, with the console and the launcher's own pages, on the servers of the
 * test run; aggregate reaches Cassandra through a proxy, and an event is given up after a second.
 */
export function useSmallRun(name: string) {
  const keyspace = `${name}${Date.now()}`;
  const prefix = `${keyspace}.`;
  const folder = mkdtempSync(join(tmpdir(), 'kandle-pages-'));
  const settings = { KAFKA_BROKERS: inject('kafkaBrokers').join(',') };
  const kafka = createKafka(KafkaEnv.parse(settings), name, createLogger(name, 'silent'));
  const producer = createEventProducer(kafka);
  const ends: (() => Promise<unknown>)[] = [];
  let url = '';
  let setReach: (isThere: boolean) => void = () => undefined;
  let sequence = 0;

  beforeAll(async () => {
    mkdirSync(join(folder, 'logs'));
    const proxy = await startProxy(inject('cassandra').port, createCqlWire());
    ends.push(() => proxy.close());
    setReach = (isThere) => {
      proxy.setWeather({ kind: isThere ? 'clear' : 'refused' });
      if (!isThere) proxy.cut();
    };
    const watched = Object.fromEntries(
      Object.entries(WATCHED_TOPICS).map(([key, topic]) => [key, prefix + topic]),
    ) as typeof WATCHED_TOPICS;
    const watch = await createKafkaWatch(inject('kafkaBrokers'), watched, true);
    ends.push(() => watch.close());
    const plan = await readPlan();
    const queryPort = await freePort();
    const local: { answers: ReturnType<typeof createLocalAnswers> | null } = { answers: null };
    const pipeline = await startPipeline({
      plan: {
        ...plan,
        sources: plan.sources.map((source) => ({
          ...source,
          delivery: { ...source.delivery, retry: 2, backoffDelayMs: 300 },
        })),
      },
      servers: { kafkaBrokers: inject('kafkaBrokers'), cassandra: inject('cassandra') },
      keyspace,
      prefix,
      logFolder: join(folder, 'logs'),
      feed: null,
      idleMs: IDLE_MS,
      queryPort,
      besideQuery: createLocalPages(() => local.answers),
      processEnv: (process) => (process === 'aggregate' ? { CASSANDRA_PORT: String(proxy.port) } : {}),
      log: () => undefined,
      hooks: { onSpawn: () => undefined, onExit: () => undefined },
    });
    ends.push(async () => {
      await pipeline.client.execute(`DROP KEYSPACE IF EXISTS ${keyspace}`).catch(() => undefined);
      await pipeline.stop();
    });
    await watch.start();
    const progress = createProgress({
      pipeline,
      feed: NO_FEED,
      watch,
      idleMs: IDLE_MS,
      isLive: false,
      onQuit: () => undefined,
      say: () => undefined,
    });
    const ticking = setInterval(() => progress.tick(null), 250);
    ends.push(async () => clearInterval(ticking));
    const answers = createLocalAnswers({
      brokers: inject('kafkaBrokers'),
      client: pipeline.client,
      keyspace,
      folder: inject('serversFolder'),
      prefix,
      state: progress.state,
      refusals: watch.refusals,
    });
    ends.push(() => answers.close());
    local.answers = answers;
    url = `http://127.0.0.1:${queryPort}/`;
  });

  afterAll(async () => {
    for (const end of ends.toReversed()) await end();
    await producer.close();
    rmSync(folder, { recursive: true, force: true });
  });

  return {
    url: () => url,
    prefix,
    /** Whether aggregate reaches its database. */
    setDatabase: (isThere: boolean) => setReach(isThere),
    /** Sends trades of one millisecond as the feed's batch, and with them the time up to which all is told. */
    async sendTrades(eventTimeMs: number, prices: readonly number[], watermarkMs: number): Promise<void> {
      sequence += 1;
      const records = prices.map((p, n) => ({
        id: `t${sequence}.${n}`,
        record: { s: SYMBOL, p, t: eventTimeMs, v: 1 },
      }));
      const header = { shard: SHARD, epoch: 1, sequence, watermarkMs, ingestTimeMs: eventTimeMs };
      await producer.send(prefix + TOPICS.raw, [formatRawBatch({ ...header, records })]);
    },
  };
}
