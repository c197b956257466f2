import { formatApplied, parseApplied } from '@kandle/market/window/applied';
import { ABSENT_WINDOW, closeWindow, mergeBatch } from '@kandle/market/window/window-state';
import { laptopSchemaValues, migrate } from '@kandle/runtime/migrate';
import { expect, test } from 'vitest';
import { useTestKeyspace } from '@kandle/testkit/test-keyspace';
import { createShardStore, createWindowStore } from '../src/cassandra-stores.ts';
import { describeStores } from './store-contract.ts';

const { keyspace, client, schemaClient, cqlFolder } = useTestKeyspace('stores');

describeStores('Cassandra', () => ({ windows: createWindowStore(client), shards: createShardStore(client) }));

const W0 = 1_700_000_000_000;

/** A window as it was written before `symbols` was: a row for each symbol, by this conditional batch. */
async function writeOldForm(shard: string, symbols: readonly string[], reason = ''): Promise<void> {
  const key = [shard, new Date(W0)];
  await client.batch(
    [
      {
        query:
          'UPDATE windows SET version = ?, final_version = ?, incomplete_version = ?, applied = ?, min_offset = ? ' +
          'WHERE shard = ? AND window_start = ? IF version = ?',
        params: [3, 0, 2, '1764000000000:1-4', 17n, ...key, null],
      },
      ...symbols.map((symbol, n) => ({
        query:
          'UPDATE windows SET row_version = ?, revision = ?, reason = ?, first_key = ?, last_key = ?, open_e8 = ?, ' +
          'high_e8 = ?, low_e8 = ?, close_e8 = ?, volume_e8 = ?, notional_e16 = ?, price_sum_e8 = ?, trade_count = ?, ' +
          'id_hash_sum = ? WHERE shard = ? AND window_start = ? AND symbol = ?',
        params: [
          1 + n,
          0,
          reason,
          `${W0}:1764000000000:1:0`,
          `${W0 + 5}:1764000000000:4:2`,
          5n,
          9n,
          -4n,
          7n,
          10n ** 21n,
          10n ** 40n,
          30n,
          4,
          2n ** 64n - 1n,
          ...key,
          symbol,
        ],
      })),
    ],
    { prepare: true },
  );
}

test('a window of before `symbols` is read, closed and merged into; then it is one row', async () => {
  const windows = createWindowStore(client);
  const key = { shard: 'old-00', windowStartMs: W0 };
  await writeOldForm(key.shard, ['A', 'B']);
  const old = await windows.read(key);
  expect(old).toMatchObject({ version: 3, finalVersion: 0, incompleteVersion: 2, minOffset: 17n });
  expect(formatApplied(old.applied)).toBe('1764000000000:1-4');
  expect([...old.rows.values()].map(({ version }) => version)).toEqual([1, 2]);
  expect(old.rows.get('B')?.candle).toEqual({
    symbol: 'B',
    windowStartMs: W0,
    firstKey: { eventTimeMs: W0, epoch: 1_764_000_000_000, sequence: 1, index: 0 },
    lastKey: { eventTimeMs: W0 + 5, epoch: 1_764_000_000_000, sequence: 4, index: 2 },
    openE8: 5n,
    highE8: 9n,
    lowE8: -4n,
    closeE8: 7n,
    volumeE8: 10n ** 21n,
    notionalE16: 10n ** 40n,
    priceSumE8: 30n,
    tradeCount: 4,
    idHashSum: 2n ** 64n - 1n,
  });
  const final = closeWindow(old);
  expect(await windows.compareAndSet(key, final, 'versions')).toBe('applied');
  expect(await windows.read(key)).toEqual(final);
  // What a process of before reads: it may go on with a window in its own form.
  const seen = async () =>
    String(
      (
        await client.execute("SELECT applied FROM windows WHERE shard = 'old-00'  LIMIT 1 ALLOW FILTERING")
      ).first()?.['applied'],
    );
  expect(formatApplied(parseApplied(await seen()))).toBe('1764000000000:1-4');
  const { next } = mergeBatch(
    final,
    { epoch: 1_764_000_000_000, sequence: 9, offset: 20n },
    new Map([...final.rows].slice(0, 1).map(([symbol, { candle }]) => [symbol, candle])),
  );
  expect(await windows.compareAndSet(key, next, 'all')).toBe('applied');
  expect(await windows.read(key)).toEqual(next);
  // And not with one that it does not know.
  await expect(seen().then(parseApplied)).rejects.toThrow(RangeError);
});

test('a window that the audit has repaired is read, whatever it calls its reason', async () => {
  const windows = createWindowStore(client);
  const key = { shard: 'repaired-00', windowStartMs: W0 };
  await writeOldForm(key.shard, ['A'], 'repaired');
  const read = await windows.read(key);
  expect([...read.rows.values()].map(({ reason }) => reason)).toEqual(['repaired']);
  expect(await windows.compareAndSet(key, { ...read, version: 4 }, 'all')).toBe('applied');
  expect((await windows.read(key)).rows).toEqual(read.rows);
});

test('createWindowStore() refuses for ever to write a window of more symbols than a transaction takes', async () => {
  const windows = createWindowStore(client);
  const key = { shard: 'large-00', windowStartMs: W0 };
  await writeOldForm(key.shard, ['A']);
  const old = await windows.read(key);
  const [row] = old.rows.values();
  if (row === undefined) throw new Error('no row');
  const rowsOf = (count: number) =>
    new Map(
      Array.from({ length: count }, (_, n) => [
        `S${n}`,
        { ...row, candle: { ...row.candle, symbol: `S${n}` } },
      ]),
    );
  await expect(
    windows.compareAndSet(key, { ...old, version: 4, rows: rowsOf(20_000) }, 'all'),
  ).rejects.toThrow(
    /^Cannot write a window: its 20000 symbols are \d+ bytes, more than 2097152; the feed needs more shards$/,
  );
  expect(await windows.compareAndSet(key, { ...old, version: 4, rows: rowsOf(8_000) }, 'all')).toBe(
    'applied',
  );
  expect((await windows.read(key)).rows.size).toBe(8_000);
});

test('migrate() does nothing the second time, and refuses a step that was changed', async () => {
  expect(await migrate(schemaClient, cqlFolder, laptopSchemaValues(keyspace))).toEqual([]);
  await schemaClient.execute(
    `UPDATE ${keyspace}.schema_steps SET checksum = 'other' WHERE name = '002-windows.cql'`,
  );
  await expect(migrate(schemaClient, cqlFolder, laptopSchemaValues(keyspace))).rejects.toThrow(
    /002-windows\.cql was changed/,
  );
});

test('createWindowStore() writes rows that expire, so that old windows do not stay for ever', async () => {
  const windows = createWindowStore(client);
  const key = { shard: 'expires-00', windowStartMs: W0 };
  const { next } = mergeBatch(ABSENT_WINDOW, { epoch: 1, sequence: 1, offset: 0n }, new Map());
  expect(await windows.compareAndSet(key, next, 'all')).toBe('applied');
  const ttl = async (column: string) =>
    Number(
      (
        await client.execute(
          `SELECT TTL(${column}) AS ttl FROM windows WHERE shard = ? AND window_start = ?`,
          [key.shard, new Date(W0)],
          { prepare: true },
        )
      ).first()?.['ttl'],
    );
  expect(await ttl('applied')).toBeGreaterThan(15 * 86_400);
  expect(await ttl('symbols')).toBeGreaterThan(15 * 86_400);
  expect(await windows.compareAndSet(key, closeWindow(next), 'versions')).toBe('applied');
  expect(await ttl('final_version')).toBeGreaterThan(15 * 86_400);
});
