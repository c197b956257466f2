import { expect, test } from 'vitest';
import { BEGIN, NOW, type QueryMarket } from './market.ts';

/** `/v1/instruments` and `/v1/instrument-lists`. */
export function testInstruments({ ask, page, allPages, insert }: QueryMarket): void {
  test('instruments are found by symbol, text, market, type, status and time, and each comes once in pages', async () => {
    const one = (feed: string, ticker: string, more: Readonly<Record<string, unknown>> = {}) => ({
      feed,
      ticker,
      valid_from: BEGIN,
      valid_to: null,
      list: 'stocks:US',
      id: `ticker:${ticker}`,
      market: 'XNAS',
      currency: 'USD',
      type: 'Common Stock',
      description: `${ticker} Inc`,
      figi: '',
      isin: '',
      status: 'active',
      absences: 0,
      changed_at: BEGIN,
      ...more,
    });
    const left = {
      valid_from: BEGIN - 9_000,
      valid_to: BEGIN,
      status: 'inactive',
      description: 'Gone, "Ltd"',
    };
    for (const row of [
      one('sim', 'AAPL', { description: 'Apple' }),
      one('sim', 'AAPL', left),
      one('sim', 'BINANCE:币安', { market: 'BINANCE', type: 'crypto', currency: 'USDT' }),
      one('sim', 'X-01', { figi: 'BBG000B9XRY4', market: 'XNYS' }),
      one('other', 'AAPL', { description: 'Apfel' }),
    ])
      await insert('instruments', row);
    const found = async (query: string) =>
      (await allPages(`/v1/instruments?${query}`)).map((row) => [
        row['feed'],
        row['symbol'],
        row['description'],
      ]);
    const apple = ['sim', 'AAPL', 'Apple'];
    const gone = ['sim', 'AAPL', 'Gone, "Ltd"'];
    const apfel = ['other', 'AAPL', 'Apfel'];
    const coin = ['sim', 'BINANCE:币安', 'BINANCE:币安 Inc'];
    const x = ['sim', 'X-01', 'X-01 Inc'];
    for (const limit of [1, 2, 1_000]) {
      expect(await found(`limit=${limit}`)).toEqual([apfel, gone, apple, coin, x]);
      expect(await found(`limit=${limit}&symbol=AAPL`)).toEqual([apfel, gone, apple]);
      expect(await found(`limit=${limit}&symbol=AAPL&symbol=X-01&feed=sim`)).toEqual([gone, apple, x]);
      expect(await found(`limit=${limit}&status=active&type=Common%20Stock`)).toEqual([apfel, apple, x]);
    }
    expect(await found('text=APPLE')).toEqual([apple]);
    expect(await found('text=bbg000b9xry4')).toEqual([x]);
    expect(await found('market=BINANCE')).toEqual([coin]);
    expect(await found(`symbol=AAPL&feed=sim&at=${BEGIN - 1}`)).toEqual([gone]);
    expect(await found(`symbol=AAPL&feed=sim&at=${BEGIN}`)).toEqual([apple]);
    expect(await found('feed=none')).toEqual([]);
    const { rows } = await page('/v1/instruments?feed=sim&symbol=AAPL&status=active');
    expect(rows[0]).toMatchObject({ market: 'XNAS', currency: 'USD', valid_from: BEGIN, valid_to: null });
    const csv = await (await ask('/v1/instruments?status=inactive&format=csv')).text();
    expect(csv).toContain(
      `sim,AAPL,"Gone, ""Ltd""",XNAS,USD,Common Stock,inactive,${BEGIN - 9_000},${BEGIN},`,
    );
  });

  test('the age of each list of instruments is told, and why a newer one was refused', async () => {
    const list = {
      feed: 'sim',
      list: 'stocks:US',
      tried_at: NOW,
      taken_at: BEGIN,
      refusal: 'it shrank',
      active: 7,
    };
    await insert('instrument_lists', list);
    expect((await page('/v1/instrument-lists')).rows).toEqual([list]);
  });
}
