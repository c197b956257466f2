import { useTestKeyspace } from '@kandle/testkit/test-keyspace';
import type { Client } from 'cassandra-driver';
import { expect, test } from 'vitest';
import { forget, promote, readPromotions, rollBack } from '../src/promotions.ts';

const { client } = useTestKeyspace('promotions');
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
    const broken: Pick<Client, 'execute'> = {
      execute: async (query: string, params?: unknown, options?: unknown): Promise<never> => {
        if (!query.startsWith('UPDATE') || when === 'after')
          return (await Reflect.apply(client.execute, client, [query, params, options]).then(
            (result: unknown) => {
              if (query.startsWith('UPDATE')) throw lost();
              return result;
            },
          )) as never;
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

function lost(): Error {
  return Object.assign(new Error('the connection broke'), { code: 'ECONNRESET' });
}
