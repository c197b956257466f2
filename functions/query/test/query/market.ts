import { createEventProducer } from '@kandle/runtime/event-producer';
import { createKafka, KafkaEnv } from '@kandle/runtime/kafka';
import { createLogger } from '@kandle/runtime/log';
import { createTopics } from '@kandle/servers/kafka/create-topics';
import { useTestKeyspace } from '@kandle/testkit/test-keyspace';
import { type BucketedView, bucketOf } from '@kandle/market/view/buckets';
import type { MarketEvent } from '@kandle/market/event/market-event';
import { afterAll, beforeAll, expect, inject } from 'vitest';
import { z } from 'zod';
import { createQueryApp } from '../../src/app.ts';
import { createCassandraStore } from '../../src/cassandra-store.ts';
import { createFollowedPromotions } from '../../src/followed-promotions.ts';
import { createRejectReader } from '../../src/rejects/reject-reader.ts';

export const DAY = Date.UTC(2026, 10, 24);
/** Ten seconds before a UTC midnight: what is read lies in two partitions. */
export const BEGIN = DAY + 86_400_000 - 10_000;
export const NOW = DAY + 2 * 86_400_000;
/** Starts of the candles of SIM:A, in windows of 5 s from {@link BEGIN}; the third window is empty. */
export const WINDOWS = [0, 1, 3, 4];
/** All of them, and a little more. */
export const RANGE = `from=${BEGIN}&to=${BEGIN + 30_000}`;
export const SHARD = 'sim-07';

const PageSchema = z.object({
  rows: z.array(z.record(z.string(), z.unknown())),
  next: z.string().nullable(),
});

type Row = Readonly<Record<string, unknown>>;

/** Where a row of SIM:A stands in a bucketed view. */
export function placeIn(view: BucketedView, timeMs: number) {
  return { feed: 'sim', shard: SHARD, bucket: bucketOf(view, timeMs), symbol: 'SIM:A' };
}
const dayOf = (timeMs: number): string => new Date(timeMs).toISOString().slice(0, 10);

/** A row of `candles_5s`. */
export function candle(start: number, numbers: Readonly<Record<string, unknown>> = {}) {
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

/**
 * A small market in the views of a real Cassandra, and the application that answers about it. All groups of
 * questions share one: a keyspace costs seconds.
 */
export function useQueryMarket() {
  const keyspace = useTestKeyspace('query');
  const rejects = `query.${Date.now()}.rejects`;
  const log = createLogger('query-test', 'silent');
  const kafka = createKafka(
    KafkaEnv.parse({ KAFKA_BROKERS: inject('kafkaBrokers').join(',') }),
    'query-test',
    log,
  );
  const admin = kafka.admin();
  const producer = createEventProducer(kafka);
  const app = createQueryApp({
    store: createCassandraStore(
      keyspace.client,
      createFollowedPromotions(keyspace.client, () => performance.now()),
    ),
    streams: {
      open: () => Promise.reject(new Error('no stream here')),
      count: () => 0,
      endAll: () => undefined,
    },
    maxStreams: 1,
    wallMs: () => NOW,
    refused: createRejectReader(kafka, rejects, log),
    page: null,
    log,
  });

  beforeAll(async () => {
    await admin.connect();
    await createTopics(admin, [{ topic: rejects, partitions: 2, config: {} }]);
  });

  afterAll(async () => {
    await admin.deleteTopics({ topics: [rejects] });
    await Promise.all([admin.disconnect(), producer.close()]);
  });

  async function insert(table: string, row: Row): Promise<void> {
    const names = Object.keys(row);
    await keyspace.client.execute(
      `INSERT INTO ${table} (${names.join(', ')}) VALUES (${names.map(() => '?').join(', ')})`,
      Object.values(row),
    );
  }

  /** A symbol of `sim` that has a trade. */
  const insertSymbol = (symbol: string) =>
    insert('latest', { feed: 'sim', symbol, shard: SHARD, time: BEGIN, price: 1, size: 1 });

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
    for (const [offset, id, backfilled] of [
      [0, 'b', null],
      [0, 'a', null],
      [4_999, 'c', 'recording'],
      [11_000, 'd', null],
    ] as const) {
      const time = BEGIN + offset;
      await insert('trades', { ...placeIn('trades', time), time, id, price: 1.5, size: 1.5, backfilled });
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

  async function page(path: string) {
    const response = await app.request(path);
    expect(response.status).toBe(200);
    return PageSchema.parse(await response.json());
  }

  return {
    client: keyspace.client,
    /** Variables of a process that is to answer about it. */
    env: keyspace.env,
    ask: async (path: string, headers: Readonly<Record<string, string>> = {}) =>
      app.request(path, { headers }),
    insert,
    insertSymbol,
    page,
    sendRejects: (events: readonly MarketEvent[]) => producer.send(rejects, events),
    /** Every row of a question, a page at a time. */
    async allPages(path: string): Promise<readonly Row[]> {
      const rows: Row[] = [];
      for (let next: string | null = ''; next !== null; ) {
        const found: z.infer<typeof PageSchema> = await page(next === '' ? path : `${path}&page=${next}`);
        rows.push(...found.rows);
        next = found.next;
      }
      return rows;
    },
    /** The rows of an answer in CSV, by the names of its first line; none of the texts needs quotes. */
    async csvRows(path: string): Promise<readonly Readonly<Record<string, string>>[]> {
      const text = await (await app.request(`${path}&format=csv`)).text();
      const [columns = [], ...lines] = text
        .trimEnd()
        .split('\n')
        .map((line) => line.split(','));
      return lines.map((cells) => Object.fromEntries(columns.map((name, n) => [name, cells[n] ?? ''])));
    },
  };
}

/** The market that the groups of questions share. */
export type QueryMarket = ReturnType<typeof useQueryMarket>;
