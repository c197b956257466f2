import { join } from 'node:path';
import { formatCandleBatch, type PublishedCandle } from '@kandle/market/candle-batch';
import { CassandraEnv, createCassandra } from '@kandle/runtime/cassandra';
import { RetryableError } from '@kandle/runtime/errors';
import { laptopSchemaValues, migrate } from '@kandle/runtime/migrate';
import { formatTradeBatch } from '@kandle/market/trade-batch';
import type { MarketEvent } from '@kandle/market/market-event';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { createPersist } from '../src/handler.ts';
import { createViews } from '../src/views.ts';

const KEYSPACE = `views_${Date.now()}`;
const W0 = 1_700_000_000_000;
const { contactPoints, port } = inject('cassandra');
const settings = CassandraEnv.parse({
  CASSANDRA_CONTACT_POINTS: contactPoints.join(','),
  CASSANDRA_PORT: String(port),
  CASSANDRA_KEYSPACE: KEYSPACE,
});
const client = createCassandra(settings);
const schemaClient = createCassandra(settings, { useKeyspace: false });
const persist = createPersist({ views: createViews(client, { writeConcurrency: 8, maxRowsPerBatch: 200 }) });

beforeAll(async () => {
  await migrate(schemaClient, join(import.meta.dirname, '../../../cql'), laptopSchemaValues(KEYSPACE));
  await client.connect();
});

afterAll(async () => {
  await schemaClient.execute(`DROP KEYSPACE IF EXISTS ${KEYSPACE}`);
  await Promise.all([client.shutdown(), schemaClient.shutdown()]);
});

async function write(event: MarketEvent | undefined): Promise<void> {
  if (event === undefined) throw new Error('no event');
  const data: unknown = JSON.parse(JSON.stringify(event.data));
  await persist({ ...event, attributes: event.extensions, data, offset: null });
}

function candles(
  version: number,
  state: PublishedCandle['state'],
  symbols: readonly string[],
  closeE8: bigint,
) {
  return formatCandleBatch({
    shard: 'finnhub-03',
    windowStartMs: W0,
    windowMs: 5_000,
    kind: state,
    version,
    candles: symbols.map((symbol) => ({
      symbol,
      version,
      state,
      revision: 0,
      reason: null,
      openE8: 100_000_000n,
      highE8: 300_000_000n,
      lowE8: 100_000_000n,
      closeE8,
      volumeE8: 200_000_000n,
      notionalE16: 30_000_000_000_000_000n,
      priceSumE8: 300_000_000n,
      tradeCount: 2,
    })),
  });
}

test('persist() keeps the newest version, when versions come in any order and twice', async () => {
  const [first, final, revised] = [
    candles(1, 'provisional', ['A'], 100_000_000n),
    candles(4, 'final', ['A'], 200_000_000n),
    candles(6, 'revised', ['A'], 300_000_000n),
  ];
  for (const [event] of [revised, first, final, revised, final, first]) await write(event);
  const rows = await client.execute(
    "SELECT * FROM candles_5s WHERE feed = 'finnhub' AND symbol = 'A' AND day = '2023-11-14'",
  );
  expect(rows.rows).toHaveLength(1);
  expect(rows.first()).toMatchObject({ close: 3, version: 6, state: 'revised', vwap: 1.5, mean_price: 1.5 });
  const versions = await client.execute(
    "SELECT version, close FROM candle_revisions WHERE feed = 'finnhub' AND symbol = 'A' AND day = '2023-11-14'",
  );
  expect(versions.rows.map((row) => [row['version'], row['close']])).toEqual([
    [4, 2],
    [6, 3],
  ]);
});

test('persist() writes 1,500 symbols of one window', async () => {
  const symbols = Array.from({ length: 1_500 }, (_, n) => `S${String(n).padStart(4, '0')}`);
  for (const event of candles(2, 'final', symbols, 100_000_000n)) await write(event);
  const rows = await client.execute(
    "SELECT symbol FROM candles_5s WHERE day = '2023-11-14' ALLOW FILTERING",
    [],
    { fetchSize: 5_000 },
  );
  expect(new Set(rows.rows.map((row) => String(row['symbol']))).size).toBeGreaterThanOrEqual(1_500);
});

test('persist() stores every trade once with exact numbers, when a batch of 400 is delivered three times', async () => {
  const event = formatTradeBatch({
    shard: 'finnhub-03',
    epoch: 1,
    sequence: 1,
    watermarkMs: W0,
    ingestTimeMs: W0,
    trades: Array.from({ length: 400 }, (_, n) => ({
      id: `t${n}`,
      symbol: 'T',
      eventTimeMs: W0 + 3_500_000 + n * 1_000,
      priceE8: 6_183_763_000_000n + BigInt(n),
      sizeE8: 9_000n,
    })),
  });
  for (let time = 0; time < 3; time++) await write(event);
  const rows = await client.execute(
    "SELECT time, price, size FROM trades WHERE symbol = 'T' ALLOW FILTERING",
  );
  expect(rows.rows).toHaveLength(400);
  expect(rows.rows.every((row) => row['size'] === 0.00009)).toBe(true);
  expect(new Set(rows.rows.map((row) => row['price'])).size).toBe(400);
  const latest = await client.execute(
    "SELECT time, price FROM latest WHERE feed = 'finnhub' AND symbol = 'T'",
  );
  expect(latest.first()).toMatchObject({ time: new Date(W0 + 3_899_000) });
});

test('persist() gives the event back, when Cassandra is away', async () => {
  const nobody = createCassandra({ ...settings, CASSANDRA_PORT: 1 });
  const views = createViews(nobody, { writeConcurrency: 8, maxRowsPerBatch: 200 });
  const [event] = candles(1, 'final', ['A'], 100_000_000n);
  if (event === undefined) throw new Error('no event');
  const away = createPersist({ views })({ ...event, attributes: event.extensions, offset: null });
  await expect(away).rejects.toThrow(RetryableError);
  await nobody.shutdown();
});
