import { INDICATORS_START } from '@kandle/market/indicator/indicators';
import type { SeriesState } from '@kandle/market/signal/series-state';
import { pagedResult } from '@kandle/testkit/paged-result';
import type { Client } from 'cassandra-driver';
import { expect, test } from 'vitest';
import { createOldStates } from './old-states.ts';

const KEY = { shard: 'sim-00', windowStartMs: 1_700_000_000_000 };

const STATE: SeriesState = {
  periods: '1,2',
  lastStartMs: 1,
  lastTradeMs: 1,
  indicators: INDICATORS_START,
  volumes: [],
  rules: {},
};

/** Old states over a database that gives these results, one after the other; each is a list of pages. */
function storeOver(...results: readonly Parameters<typeof pagedResult>[0][]) {
  // First is asked whether there is any.
  const left = [[[{ shard: KEY.shard }]], ...results];
  const client = { execute: async () => pagedResult(left.shift() ?? []) };
  return createOldStates(client as unknown as Client);
}

function rowsOf(version: number, ...symbols: readonly string[]) {
  const row = {
    version,
    pending: 0,
    recomputed_to: null,
    row_version: 1,
    state_version: 1,
    candle: '',
    prev_start: null,
    prev_version: null,
    repeated: 0,
    restarted: false,
    state: JSON.stringify(STATE),
    signals: null,
  };
  return symbols.map((symbol) => ({ ...row, symbol }));
}

test('read() gives the symbols of every page', async () => {
  const window = await storeOver([rowsOf(3, 'A', 'B'), rowsOf(3, 'C'), rowsOf(3, 'D')]).read(KEY);
  expect([...window.rows.keys()]).toEqual(['A', 'B', 'C', 'D']);
});

test('read() reads again, when somebody wrote between two pages', async () => {
  const store = storeOver([rowsOf(3, 'A'), rowsOf(4, 'B')], [rowsOf(4, 'A'), rowsOf(4, 'B')]);
  expect(await store.read(KEY)).toMatchObject({ version: 4 });
  const busy = Array.from({ length: 50 }, (_, n) => [rowsOf(n + 1, 'A'), rowsOf(n + 2, 'B')]);
  await expect(storeOver(...busy).read(KEY)).rejects.toThrow('Cannot read a state window in the old form');
});
