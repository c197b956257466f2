import type { BucketedView } from '@kandle/market/view/buckets';
import { expect, test } from 'vitest';
import { BEGIN, candle, DAY, placeIn, type QueryMarket, RANGE, SHARD, WINDOWS } from './market.ts';

/** `/v1/candles`: ranges, pages, intervals, empty windows. */
export function testCandles({ page, allPages, insert, insertSymbol }: QueryMarket): void {
  test('candles are read over midnight, and their numbers are the stored doubles', async () => {
    const { rows, next } = await page(`/v1/candles?symbol=SIM:A&${RANGE}`);
    expect(rows.map(({ start }) => start)).toEqual(WINDOWS.map((n) => BEGIN + n * 5_000));
    expect(rows[0]).toMatchObject({ open: 0.1 + 0.2, close: 10, complete: true });
    expect(next).toBeNull();
  });

  test.each([1, 2, 3])('candles in pages of %i are each candle once', async (limit) => {
    const rows = await allPages(`/v1/candles?symbol=SIM:A&${RANGE}&limit=${limit}`);
    expect(rows.map(({ start }) => start)).toEqual(WINDOWS.map((n) => BEGIN + n * 5_000));
  });

  test('each interval is answered from its own candles', async () => {
    const symbol = 'SIM:INTERVALS';
    const intervals = { '5s': 5_000, '1m': 60_000, '5m': 300_000, '1h': 3_600_000, '1d': 86_400_000 };
    await insertSymbol(symbol);
    for (const [n, name] of Object.keys(intervals).entries()) {
      const table = `candles_${name}` as BucketedView;
      await insert(table, { ...candle(DAY, { close: n }), ...placeIn(table, DAY), symbol });
    }
    for (const [n, [name, periodMs]] of Object.entries(intervals).entries()) {
      const path = `/v1/candles?symbol=${symbol}&interval=${name}&from=${DAY}&to=${DAY + 2 * periodMs}`;
      const { rows } = await page(`${path}&fill=null`);
      expect(rows.map(({ start, close }) => [start, close])).toEqual([
        [DAY, n],
        [DAY + periodMs, null],
      ]);
      expect((await page(path)).rows).toHaveLength(1);
    }
  });

  test('an empty window is left out, filled with the close before it, or with nulls, and says that it is filled', async () => {
    const range = `from=${BEGIN}&to=${BEGIN + 25_000}`;
    const previous = await allPages(`/v1/candles?symbol=SIM:A&${range}&fill=previous&limit=2`);
    expect(previous.map(({ close, filled }) => [close, filled])).toEqual([
      [10, undefined],
      [11, undefined],
      [11, true],
      [13, undefined],
      [14, undefined],
    ]);
    const nulls = await page(`/v1/candles?symbol=SIM:A&${range}&fill=null`);
    expect(nulls.rows.map(({ close }) => close)).toEqual([10, 11, null, 13, 14]);
    // The close before the range is known though its candle is not asked for.
    const later = await page(
      `/v1/candles?symbol=SIM:A&from=${BEGIN + 10_000}&to=${BEGIN + 15_000}&fill=previous`,
    );
    expect(later.rows.map(({ close, volume }) => [close, volume])).toEqual([[11, 0]]);
  });

  test('a close long before the range is known, by a longer candle', async () => {
    const symbol = 'SIM:OLD';
    const monthAgo = BEGIN - (BEGIN % 86_400_000) - 30 * 86_400_000;
    await insertSymbol(symbol);
    const closeBefore = async () => {
      const path = `/v1/candles?symbol=${symbol}&from=${BEGIN}&to=${BEGIN + 5_000}&fill=previous`;
      return (await page(path)).rows.map(({ close }) => close);
    };
    expect(await closeBefore()).toEqual([]);
    await insert('candles_1d', {
      ...candle(monthAgo, { close: 77 }),
      ...placeIn('candles_1d', monthAgo),
      symbol,
    });
    expect(await closeBefore()).toEqual([77]);
    const hourAgo = BEGIN - (BEGIN % 60_000) - 3_600_000;
    await insert('candles_1m', {
      ...candle(hourAgo, { close: 78 }),
      ...placeIn('candles_1m', hourAgo),
      symbol,
    });
    expect(await closeBefore()).toEqual([78]);
  });

  test('a question about half a century is answered from the times at which there was something', async () => {
    const symbol = 'SIM:LONG';
    const rolledUp = DAY - 400 * 86_400_000 + 12_345_000;
    const pending = DAY - 90 * 86_400_000 + 12_345_000;
    await insertSymbol(symbol);
    for (const time of [rolledUp, pending, BEGIN]) {
      await insert('trades', { ...placeIn('trades', time), symbol, time, id: 'x', price: 1, size: 1 });
      const start = time - (time % 5_000);
      await insert('candles_5s', { ...candle(start), symbol });
    }
    for (const [table, lengthMs] of [
      ['candles_5m', 300_000],
      ['candles_1d', 86_400_000],
    ] as const) {
      const start = rolledUp - (rolledUp % lengthMs);
      await insert(table, { ...candle(start), ...placeIn(table, start), symbol });
    }
    const minute = pending - (pending % 60_000);
    await insert('rollup_pending', {
      shard: SHARD,
      process: 'p',
      minute,
      event: 'e',
      feed: 'sim',
      symbols: `A,${symbol}`,
      made_at: minute,
    });
    const range = 'from=0&to=999999999999999';
    const trades = await allPages(`/v1/trades?symbol=${symbol}&${range}&limit=2`);
    expect(trades.map(({ time }) => time)).toEqual([rolledUp, pending, BEGIN]);
    expect(await allPages(`/v1/candles?symbol=${symbol}&${range}&limit=1`)).toHaveLength(3);
  });
}
