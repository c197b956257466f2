import { e8, e8ToDouble } from '@kandle/market/number/fixed-point';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { BEGIN, candle, placeIn, type QueryMarket, RANGE } from './market.ts';

/** Numbers by their bytes: 0 is not -0. */
function bitsOf(numbers: readonly number[]): string {
  return Buffer.from(Float64Array.from(numbers).buffer).toString('hex');
}

/** Numbers and texts of an answer, in both formats. */
export function testNumbers({ ask, page, csvRows, insert, insertSymbol }: QueryMarket): void {
  test('CSV has the same numbers as JSON', async () => {
    const json = await page(`/v1/candles?symbol=SIM:A&${RANGE}`);
    const text = await (await ask(`/v1/candles?symbol=SIM:A&${RANGE}&format=csv`)).text();
    const [header = '', ...lines] = text.trimEnd().split('\n');
    const columns = header.split(',');
    expect(lines).toHaveLength(json.rows.length);
    for (const [index, line] of lines.entries()) {
      const cells = line.split(',');
      for (const name of ['start', 'open', 'close', 'volume', 'trade_count'])
        expect(JSON.parse(cells[columns.indexOf(name)] ?? '')).toBe(json.rows[index]?.[name]);
    }
  });

  test('exact=1 gives prices, sizes and sums as the stored integers, and the doubles are the stored ones to the last bit', async () => {
    const symbol = 'SIM:EXACT';
    const units = fc.sample(fc.bigInt({ min: -(2n ** 52n), max: 2n ** 52n }), { seed: 17, numRuns: 20 });
    const sums = fc.sample(fc.bigInt({ min: -(10n ** 40n), max: 10n ** 40n }), { seed: 18, numRuns: 20 });
    const prices = [e8(-3_763_000_000n), e8(1n), e8(10n ** 23n), ...units.map(e8)];
    await insertSymbol(symbol);
    for (const [n, price] of prices.entries()) {
      const start = BEGIN + n * 5_000;
      const [sum = 2n ** 53n + 1n] = sums.slice(n);
      const [double, place] = [e8ToDouble(price), { ...placeIn('candles_5s', start), symbol }];
      const row = { ...candle(start), ...place, open: double, high: 1.5, low: -1.5, close: double };
      const exact = {
        volume_e8: sum,
        notional_e16: sum * 3n,
        price_sum_e8: -sum,
        volume: e8ToDouble(e8(sum)),
      };
      await insert('candles_5s', { ...row, ...exact });
      await insert('candle_revisions', { ...row, ...exact });
      await insert('trades', {
        ...placeIn('trades', start),
        symbol,
        time: start,
        id: 'x',
        price: double,
        size: double,
      });
    }
    const range = `symbol=${symbol}&from=${BEGIN}&to=${BEGIN + prices.length * 5_000}&exact=1`;
    const wanted = prices.map((price, n) => {
      const [sum = 2n ** 53n + 1n] = sums.slice(n);
      return {
        open_e8: String(price),
        high_e8: '150000000',
        low_e8: '-150000000',
        close_e8: String(price),
        volume_e8: String(sum),
        notional_e16: String(sum * 3n),
        price_sum_e8: String(-sum),
      };
    });
    const doubles = prices.map((price, n) =>
      bitsOf([e8ToDouble(price), e8ToDouble(e8(sums[n] ?? 2n ** 53n + 1n))]),
    );
    for (const list of ['candles', 'revisions']) {
      const { rows } = await page(`/v1/${list}?${range}`);
      expect(rows).toMatchObject(wanted);
      expect(rows.map(({ close, volume }) => bitsOf([Number(close), Number(volume)]))).toEqual(doubles);
      const cells = await csvRows(`/v1/${list}?${range}`);
      expect(cells).toMatchObject(wanted);
      expect(cells.map(({ close, volume }) => bitsOf([Number(close), Number(volume)]))).toEqual(doubles);
    }
    const wantedTrades = prices.map((price) => ({ price_e8: String(price), size_e8: String(price) }));
    expect((await page(`/v1/trades?${range}`)).rows).toMatchObject(wantedTrades);
    expect(await csvRows(`/v1/trades?${range}`)).toMatchObject(wantedTrades);
    // Who does not ask for them has none.
    const [plain = {}] = (await page(`/v1/candles?${range.replace('&exact=1', '')}`)).rows;
    expect(Object.keys(plain).filter((name) => /_e\d/.test(name))).toEqual([]);
  });

  test('exact=1 of a filled candle is its price and no volume; of one of looks there is no notional', async () => {
    const ask = async (fill: string) =>
      (
        await page(
          `/v1/candles?symbol=SIM:A&from=${BEGIN + 10_000}&to=${BEGIN + 15_000}&fill=${fill}&exact=1`,
        )
      ).rows;
    expect(await ask('previous')).toMatchObject([
      { close_e8: '1100000000', volume_e8: '0', notional_e16: '0', price_sum_e8: '0' },
    ]);
    expect(await ask('null')).toMatchObject([{ close_e8: null, volume_e8: null, notional_e16: null }]);
    const symbol = 'SIM:LOOKS';
    await insertSymbol(symbol);
    await insert('candles_5s', {
      ...candle(BEGIN, {
        sampled: true,
        vwap: Number.NaN,
        volume_e8: 5n,
        notional_e16: 7n,
        price_sum_e8: 9n,
      }),
      symbol,
    });
    expect((await page(`/v1/candles?symbol=${symbol}&${RANGE}&exact=1`)).rows).toMatchObject([
      { volume_e8: '5', notional_e16: null, price_sum_e8: '9', vwap: null },
    ]);
  });

  test('a text that a spreadsheet would take for a formula is none in CSV, and quotes are doubled', async () => {
    const text = await (await ask(`/v1/signals?feed=sim&${RANGE}&limit=1&format=csv`)).text();
    expect(text).toContain(`"'=SUM(A1), ""said"" she"`);
  });
}
