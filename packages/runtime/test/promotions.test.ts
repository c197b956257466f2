import { useTestKeyspace } from '@kandle/testkit/test-keyspace';
import type { Client } from 'cassandra-driver';
import { expect, test } from 'vitest';
import { forget, promote, readPromotions, rollBack } from '../src/promotions.ts';

const { client, keyspace } = useTestKeyspace('promotions');
const AT = new Date('2026-11-29T12:00Z');
const of = (keyspace: string, fromMs = 0, toMs = 10_000) => ({ keyspace, fromMs, toMs });

test('promote() and rollBack() give readers the new one or the old one, however many change it at a moment', async () => {
  expect(await readPromotions(client)).toEqual([]);
  await expect(rollBack(client, AT)).resolves.toMatchObject({ version: 1, promotions: [] });
  await promote(client, of('one'), AT);
  expect(await readPromotions(client)).toEqual([of('one')]);
  expect(await promote(client, of('two', 5_000, 20_000), AT)).toMatchObject({
    promotions: [of('one'), of('two', 5_000, 20_000)],
    previous: [of('one')],
  });
  await rollBack(client, AT);
  expect(await readPromotions(client)).toEqual([of('one')]);
  // What was taken back is brought back, unless it is gone for good.
  await forget(client, 'two', AT);
  expect(await rollBack(client, AT)).toMatchObject({ promotions: [of('one')] });

  const before = await rollBack(client, AT);
  const races = await Promise.allSettled(
    Array.from({ length: 8 }, (_, n) => promote(client, of(`r${n}`), AT)),
  );
  const won = races.filter(({ status }) => status === 'fulfilled').length;
  const after = await rollBack(client, AT);
  // Each that was told that it had changed something did, once; nobody else did.
  expect(won).toBeGreaterThan(0);
  expect(after.version).toBe(before.version + won + 1);
});

test.each(['before', 'after'] as const)(
  'promote() whose answer is lost, %s it was written, is known by a serial read',
  async (when) => {
    const [fresh, version] = [`lost_${when}`, (await rollBack(client, AT)).version];
    const broken: Pick<Client, 'execute' | 'batch'> = {
      execute: client.execute.bind(client),
      batch: async (...given: unknown[]): Promise<never> => {
        if (when === 'after') await Reflect.apply(client.batch, client, given);
        throw lost();
      },
    };
    const changing = promote(broken, of(fresh), AT);
    if (when === 'after')
      expect(await changing).toMatchObject({ version: version + 1, promotions: [of(fresh)] });
    else {
      await expect(changing).rejects.toThrow('they were changed at this moment');
      expect((await readPromotions(client)).some(({ keyspace }) => keyspace === fresh)).toBe(false);
    }
  },
);

/** Of one reading that cannot cut a range: rows of a view from the tenth day on, and the one for all else. */
async function placesIn(view: string): Promise<readonly unknown[]> {
  const { rows } = await client.execute(
    "SELECT since, until, read_in FROM promotions WHERE name = 'views' AND table_name = ?",
    [view],
    { prepare: true },
  );
  return rows
    .map((row) => [Number(row['since']) - TENTH_MS, Number(row['until']) - TENTH_MS, row['read_in']])
    .filter(([since, until]) => since >= 0 || until > 1e12);
}
const TENTH_MS = 864_000_000;
const ELSEWHERE = [-TENTH_MS, Date.UTC(9999, 11, 31) - TENTH_MS, keyspace];
const later = (name: string, fromMs: number, toMs: number) => of(name, TENTH_MS + fromMs, TENTH_MS + toMs);

test('promote() and rollBack() change the rows for readers that cannot cut a range with the pointer', async () => {
  expect(await placesIn('candles_5s')).toEqual([ELSEWHERE]);
  await promote(client, later('wide', 3_000, 100_000_001), AT);
  await promote(client, later('inner', 20_000, 40_000), AT);
  expect(await placesIn('candles_5s')).toEqual([
    [5_000, 20_000, 'wide'],
    [20_000, 40_000, 'inner'],
    [40_000, 100_000_000, 'wide'],
    ELSEWHERE,
  ]);
  expect((await placesIn('trades')).at(-2)).toEqual([40_000, 100_000_001, 'wide']);
  // No minute is whole in the inner one, and no day in any.
  expect(await placesIn('candles_1m')).toEqual([[60_000, 99_960_000, 'wide'], ELSEWHERE]);
  expect(await placesIn('candles_1d')).toEqual([ELSEWHERE]);
  await rollBack(client, AT);
  expect(await placesIn('candles_5s')).toEqual([[5_000, 100_000_000, 'wide'], ELSEWHERE]);
  await promote(client, later('all', 0, 200_000_000), AT);
  await rollBack(client, AT);
  await rollBack(client, AT);
  expect(await placesIn('candles_1d')).toEqual([[0, 172_800_000, 'all'], ELSEWHERE]);
});

test('promote() of what is promoted already is no change that a rollback would take back', async () => {
  await promote(client, of('before', 0, 10 * TENTH_MS), AT);
  await promote(client, of('again', 0, 20 * TENTH_MS), AT);
  await promote(client, of('again', 0, 20 * TENTH_MS), AT);
  expect((await rollBack(client, AT)).promotions).toEqual([of('before', 0, 10 * TENTH_MS)]);
});

function lost(): Error {
  return Object.assign(new Error('the connection broke'), { code: 'ECONNRESET' });
}
