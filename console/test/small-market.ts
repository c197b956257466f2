import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeConsole } from '@kandle/build/console';
import {
  type CandleState,
  formatCandleBatch,
  type PublishedCandle,
} from '@kandle/market/candle/candle-batch';
import type { MarketEvent } from '@kandle/market/event/market-event';
import { type FeedGap, formatFeedGap } from '@kandle/market/feed/feed-gap';
import { formatIndicatorBatch } from '@kandle/market/indicator/indicator-batch';
import { e16, e8 } from '@kandle/market/number/fixed-point';
import { formatRawTrades } from '@kandle/testkit/raw-trades';
import { createPersist } from '@kandle/persist/handler';
import { candleRows } from '@kandle/persist/views/candle-rows';
import { createViews } from '@kandle/persist/views/views';
import { createEventProducer } from '@kandle/runtime/event-producer';
import { createKafka, KafkaEnv } from '@kandle/runtime/kafka';
import { createLogger } from '@kandle/runtime/log';
import { createTopics } from '@kandle/servers/kafka/create-topics';
import { freePort } from '@kandle/servers/ports/ports';
import { useTestKeyspace } from '@kandle/testkit/test-keyspace';
import { afterAll, beforeAll, inject } from 'vitest';

/** A candle of a test; prices are whole. */
export interface SomeCandle {
  readonly start: number;
  readonly version: number;
  readonly close: number;
  readonly state?: CandleState;
  readonly complete?: boolean;
}

export const SERIES = { feed: 'sim', symbol: 'SIM:BTC-USD' };
const SHARD = 'sim-00';
const ROOT = join(import.meta.dirname, '../..');

/**
 * A market of one symbol on real servers: what is told goes to Kafka and, by persist's own code, to the views;
 * a real query function serves the page and answers it.
 */
export function useSmallMarket(name: string) {
  const { env, client } = useTestKeyspace(name);
  const stamp = Date.now();
  const topics = { CANDLES_TOPIC: `${name}.${stamp}.candles`, SIGNALS_TOPIC: `${name}.${stamp}.signals` };
  const settings = { KAFKA_BROKERS: inject('kafkaBrokers').join(',') };
  const kafka = createKafka(KafkaEnv.parse(settings), name, createLogger(name, 'silent'));
  const admin = kafka.admin();
  const producer = createEventProducer(kafka);
  const views = createViews(client, { writeConcurrency: 8, maxRowsPerBatch: 200 });
  const persist = createPersist({
    views,
    rows: { add: () => undefined },
    horizonMs: 900_000,
  });
  const folder = mkdtempSync(join(tmpdir(), 'kandle-console-'));
  const pageFile = join(folder, 'console.json');
  let port = 0;
  let child: ChildProcess | null = null;
  let sequence = 0;

  beforeAll(async () => {
    const { files } = await makeConsole(ROOT);
    writeFileSync(pageFile, JSON.stringify(files));
    port = await freePort();
    await admin.connect();
    await createTopics(
      admin,
      Object.values(topics).map((topic) => ({ topic, partitions: 2, config: {} })),
    );
    await startServer();
  });

  afterAll(async () => {
    await stopServer();
    rmSync(folder, { recursive: true });
    await admin.deleteTopics({ topics: Object.values(topics) });
    await Promise.all([admin.disconnect(), producer.close()]);
  });

  async function startServer(): Promise<void> {
    const script = join(ROOT, 'functions/query/src/index.ts');
    const own = spawn(process.execPath, [script], {
      env: { ...env, ...topics, ...settings, PORT: String(port), CONSOLE_FILE: pageFile },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    child = own;
    await new Promise<void>((resolve, reject) => {
      own.stderr.setEncoding('utf8').on('data', (text: string) => {
        if (text.includes('"ready"')) resolve();
      });
      own.once('exit', () => reject(new Error('the query function ended')));
    });
  }

  async function stopServer(): Promise<void> {
    const exited = child === null ? null : once(child, 'exit');
    child?.kill('SIGKILL');
    await exited;
    child = null;
  }

  /** Writes an event's rows as persist does; to Kafka too, where the page listens. */
  async function tell(events: readonly MarketEvent[], topic: string | null): Promise<void> {
    for (const { id, type, source, extensions, data } of events)
      await persist({
        id,
        type,
        source,
        attributes: { id, type, source, ...extensions },
        data: JSON.parse(JSON.stringify(data)),
        offset: null,
      });
    if (topic !== null) await producer.send(topic, events);
  }

  return {
    url: () => `http://127.0.0.1:${port}/`,
    client,
    startServer,
    stopServer,
    async tellTrade(eventTimeMs: number, price: number): Promise<void> {
      sequence += 1;
      const trade = {
        id: `${eventTimeMs}:t${sequence}`,
        symbol: SERIES.symbol,
        eventTimeMs,
        priceE8: e8(BigInt(price) * 100_000_000n),
        sizeE8: e8(100_000_000n),
      };
      const header = { shard: SHARD, epoch: 1, sequence, watermarkMs: 0, ingestTimeMs: eventTimeMs };
      await tell([formatRawTrades({ ...header, trades: [trade] })], null);
    },
    async tellCandle(some: SomeCandle): Promise<void> {
      const { start, version, state = 'final' } = some;
      const batch = { shard: SHARD, windowStartMs: start, windowMs: 5_000, kind: state, version };
      await tell(formatCandleBatch({ ...batch, candles: [candleOf(some)] }), topics.CANDLES_TOPIC);
    },
    async tellIndicator(start: number, version: number, value: number): Promise<void> {
      const row = { symbol: SERIES.symbol, version, candleVersion: version, repeated: 0, restarted: false };
      const indicators = [{ ...row, close: value, values: { sma20: value } }];
      await tell(
        formatIndicatorBatch({ shard: SHARD, windowStartMs: start, indicators }),
        topics.SIGNALS_TOPIC,
      );
    },
    /** What a repair leaves of a candle that should not be there; no event tells of it. */
    async voidCandle(start: number, version: number): Promise<void> {
      const [candle] = candleRows({
        shard: SHARD,
        windowStartMs: start,
        windowMs: 5_000,
        kind: 'final',
        version,
        candles: [candleOf({ start, version, close: 100 })],
      });
      const rows = candle?.filter(({ view }) => view === 'candles_5s') ?? [];
      await views.write([
        rows.map((row) =>
          row.view === 'candles_5s'
            ? { ...row, columns: { ...row.columns, state: 'void', trade_count: 0 } }
            : row,
        ),
      ]);
    },
    tellGap: (gap: Omit<FeedGap, 'shard'>) => tell([formatFeedGap({ shard: SHARD, ...gap }, 1)], null),
  };
}

function candleOf(some: SomeCandle): PublishedCandle {
  const { start, version, close, state = 'final', complete = true } = some;
  const e8Of = (price: number) => e8(BigInt(price) * 100_000_000n);
  return {
    symbol: SERIES.symbol,
    version,
    state,
    revision: state === 'revised' ? version : 0,
    reason: state === 'revised' ? 'late' : null,
    complete,
    lastTradeMs: start,
    openE8: e8Of(close - 1),
    highE8: e8Of(close + 1),
    lowE8: e8Of(close - 2),
    closeE8: e8Of(close),
    volumeE8: e8Of(1),
    notionalE16: e16(BigInt(close) * 10n ** 16n),
    priceSumE8: e8Of(close),
    tradeCount: 1,
  };
}
