import { expect, test } from 'vitest';
import { BEGIN, type QueryMarket, RANGE } from './market.ts';

/** The other lists: `/v1/symbols`, `trades`, `revisions`, `indicators`, `signals`, `gaps`. */
export function testLists({ page, allPages }: QueryMarket): void {
  test('symbols are listed by feed, each with its newest trade', async () => {
    const { rows } = await page('/v1/symbols');
    // Other groups of questions have symbols of their own.
    const some = rows.filter(({ symbol }) => symbol === 'AAPL' || symbol === 'SIM:A');
    expect(some.map(({ feed, symbol, time }) => [feed, symbol, time])).toEqual([
      ['other', 'AAPL', BEGIN],
      ['sim', 'AAPL', BEGIN],
      ['sim', 'SIM:A', BEGIN],
    ]);
  });

  test.each([1, 2, 10])(
    'trades, revisions, signals and gaps in pages of %i are each row once',
    async (limit) => {
      const trades = await allPages(`/v1/trades?symbol=SIM:A&${RANGE}&limit=${limit}`);
      expect(trades.map(({ id, backfilled }) => [id, backfilled])).toEqual([
        ['a', null],
        ['b', null],
        ['c', 'recording'],
        ['d', null],
      ]);
      const revisions = await allPages(`/v1/revisions?symbol=SIM:A&${RANGE}&limit=${limit}`);
      expect(revisions.map(({ version }) => version)).toEqual([2, 3, 10, 1]);
      const signals = await allPages(`/v1/signals?feed=sim&${RANGE}&limit=${limit}`);
      expect(
        signals
          .map(({ symbol, rule, start }) => `${String(symbol)} ${String(rule)} ${Number(start) - BEGIN}`)
          .toSorted(),
      ).toEqual(['SIM:A jump 0', 'SIM:A jump 10000', 'SIM:A rsi 0', 'SIM:B jump 0']);
      expect(await allPages(`/v1/signals?symbol=SIM:A&${RANGE}&limit=${limit}`)).toHaveLength(3);
      const gaps = await allPages(`/v1/gaps?feed=sim&${RANGE}&limit=${limit}`);
      expect(gaps.map(({ shard }) => shard)).toEqual(['sim-00', 'sim-01']);
      expect(await allPages(`/v1/indicators?symbol=SIM:A&name=sma20&${RANGE}&limit=${limit}`)).toHaveLength(
        4,
      );
    },
  );

  test('an indicator that is not warm yet is no row and no error', async () => {
    expect(await allPages(`/v1/indicators?symbol=SIM:A&name=rsi14&${RANGE}`)).toEqual([]);
  });
}
