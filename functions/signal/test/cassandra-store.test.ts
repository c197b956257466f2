import { INDICATORS_START } from '@kandle/market/indicator/indicators';
import { useTestKeyspace } from '@kandle/testkit/test-keyspace';
import { expect, test } from 'vitest';
import { createStateStore } from '../src/cassandra-store.ts';
import { hourOf } from '../src/stores.ts';
import { describeStore } from './store-contract.ts';

const { client } = useTestKeyspace('states');

describeStore('Cassandra', () => createStateStore(client));

test('createStateStore() writes rows that expire, so that old states do not stay for ever', async () => {
  const rows = await client.execute('SELECT TTL(symbols) AS ttl FROM state_windows LIMIT 1');
  expect(Number(rows.first()?.['ttl'])).toBeGreaterThan(15 * 86_400);
});

test('createStateStore() reads the windows of before `state_windows`, and goes on from them', async () => {
  const START_MS = 1_700_000_000_000;
  const key = { shard: 'old-00', windowStartMs: START_MS };
  const state = {
    periods: '1,2',
    lastStartMs: START_MS,
    lastTradeMs: START_MS + 1,
    indicators: INDICATORS_START,
    volumes: [0.1 + 0.2],
    rules: {},
  };
  await client.batch(
    [
      {
        query:
          'UPDATE indicator_states SET version = ?, pending = ?, recomputed_to = ? WHERE shard = ? AND window_start = ? IF version = ?',
        params: [7, 3, new Date(START_MS + 5_000), key.shard, new Date(START_MS), null],
      },
      {
        query:
          'UPDATE indicator_states SET row_version = ?, state_version = ?, candle_version = ?, prev_start = ?, ' +
          'prev_version = ?, repeated = ?, restarted = ?, candle = ?, state = ?, signals = ? ' +
          'WHERE shard = ? AND window_start = ? AND symbol = ?',
        params: [
          6,
          5,
          0,
          new Date(START_MS - 5_000),
          2,
          1,
          false,
          '',
          JSON.stringify(state),
          '',
          key.shard,
          new Date(START_MS),
          'A',
        ],
      },
    ],
    { prepare: true },
  );
  const store = createStateStore(client);
  const row = {
    version: 6,
    stateVersion: 5,
    candle: null,
    basis: { startMs: START_MS - 5_000, stateVersion: 2 },
    repeated: 1,
    restarted: false,
    state,
    signals: [],
  };
  const window = { version: 7, pending: 3, recomputedToMs: START_MS + 5_000, rows: new Map([['A', row]]) };
  expect(await store.read(key)).toEqual(window);
  expect(await store.readVersions(key.shard, START_MS - 5_000, START_MS + 5_000)).toEqual(
    new Map([[START_MS, 7]]),
  );
  const next = { ...window, version: 8, pending: 0, recomputedToMs: null };
  expect(await store.compareAndSet(key, next, await store.readChanges(key.shard, hourOf(START_MS)))).toBe(
    'applied',
  );
  expect(await store.read(key)).toEqual(next);
  expect(await store.readVersions(key.shard, START_MS, START_MS)).toEqual(new Map([[START_MS, 8]]));
});

test('createStateStore() refuses for ever to write a window of more symbols than a transaction takes', async () => {
  const row = {
    version: 1,
    stateVersion: 1,
    candle: null,
    basis: null,
    repeated: 0,
    restarted: false,
    state: {
      periods: 'x'.repeat(1_000),
      lastStartMs: 0,
      lastTradeMs: 0,
      indicators: INDICATORS_START,
      volumes: [],
      rules: {},
    },
    signals: [],
  };
  const rows = new Map(Array.from({ length: 4_000 }, (_, n) => [`S${n}`, row]));
  const window = { version: 1, pending: 0, recomputedToMs: null, rows };
  await expect(
    createStateStore(client).compareAndSet({ shard: 'large-00', windowStartMs: 0 }, window, 0),
  ).rejects.toThrow(
    /^Cannot write a state window: its 4000 symbols are \d+ bytes, more than 4194304; the feed needs more shards$/,
  );
});
