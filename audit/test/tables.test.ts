import { expect, test } from 'vitest';
import { useTestKeyspace } from '@kandle/testkit/test-keyspace';
import { createStored } from '../src/read/stored.ts';
import { createViewRows } from '../src/repair/view-rows.ts';
import { writeWindow } from '../src/repair/write-window.ts';
import { describeTables } from './tables-contract.ts';

const { client } = useTestKeyspace('audittables');

describeTables('tables in Cassandra', () => ({
  stored: createStored(client),
  views: createViewRows(client),
  writeWindow: (plan) => writeWindow(client, plan),
}));

/** The columns of a symbol's row in a window of before its symbols stood in one text. */
const OLD_ROW = {
  row_version: 2,
  revision: 1,
  reason: 'late_trade',
  first_key: '1764000000001:1764000000000:1:0',
  last_key: '1764000004999:1764000000000:2:1',
  open_e8: 100n,
  high_e8: 300n,
  low_e8: 100n,
  close_e8: 200n,
  volume_e8: 5n,
  notional_e16: 1000n,
  price_sum_e8: 600n,
  trade_count: 3,
  id_hash_sum: 7n,
};

test('a window in the old form is read row by row, and is one of the new form after a repair', async () => {
  const [shard, start] = ['test-98', new Date(1_764_000_000_000)];
  const names = Object.keys(OLD_ROW);
  const set = names.map((name) => `${name} = ?`).join(', ');
  const where = 'WHERE shard = ? AND window_start = ?';
  await client.execute(
    `UPDATE windows SET version = 3, final_version = 3, applied = '1:1-2' ${where} IF version = null`,
    [shard, start],
    { prepare: true },
  );
  for (const symbol of ['AAPL', 'MSFT'])
    await client.execute(
      `UPDATE windows SET ${set} ${where} AND symbol = ? IF row_version = null`,
      [...Object.values(OLD_ROW), shard, start, symbol],
      { prepare: true },
    );
  const stored = createStored(client);
  const before = await stored.window(shard, start.getTime());
  expect(before).toMatchObject({ version: 3, finalVersion: 3, incompleteVersion: 0, applied: '1:1-2' });
  expect([...(before?.rows.keys() ?? [])]).toEqual(['AAPL', 'MSFT']);
  expect(before?.rows.get('MSFT')).toMatchObject({
    rowVersion: 2,
    revision: 1,
    reason: 'late_trade',
    columns: { close_e8: 200n, volume_e8: 5n, trade_count: 3, last_key: OLD_ROW.last_key },
  });
  if (before === null) throw new Error('no window');
  const rows = new Map([...before.rows].filter(([symbol]) => symbol === 'AAPL'));
  const next = { ...before, version: 4, rows };
  const place = { shard, windowStartMs: start.getTime(), isSampled: false };
  const plan = { ...place, before, next, changed: [], removed: ['MSFT'] };
  expect(await writeWindow(client, plan)).toBe(true);
  // The old rows stay in the table, and nobody reads them any more.
  expect(await stored.window(shard, start.getTime())).toEqual(next);
});
