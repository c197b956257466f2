import { expect, test } from 'vitest';
import { BEGIN, candle, NOW, type QueryMarket, RANGE } from './market.ts';

/** What may be kept, and what shows that it has changed. */
export function testCaching({ ask, insert }: QueryMarket): void {
  test('an answer changes its ETag if and only if a row of it was revised', async () => {
    const path = `/v1/candles?symbol=SIM:A&${RANGE}`;
    const etagsOf = async () =>
      Promise.all(
        [path, `${path}&format=csv`, `${path}&fill=previous`, `${path}&exact=1`].map(
          async (one) => (await ask(one)).headers.get('etag') ?? '',
        ),
      );
    const before = await etagsOf();
    expect(new Set(before).size).toBe(before.length);
    const same = await ask(path, { 'if-none-match': `W/${before[0] ?? ''}, "x"` });
    expect([same.status, await same.text()]).toEqual([304, '']);
    // Told again, and revised beside the range.
    await insert('candles_5s', candle(BEGIN, { close: 10 }));
    for (const start of [BEGIN - 5_000, BEGIN + 30_000])
      await insert('candles_5s', candle(start, { close: 9, version: 4 }));
    expect(await etagsOf()).toEqual(before);
    await insert('candles_5s', candle(BEGIN + 20_000, { close: 14, version: 4 }));
    const after = await etagsOf();
    expect(after.filter((etag) => before.includes(etag))).toEqual([]);
    expect((await ask(path, { 'if-none-match': before[0] ?? '' })).status).toBe(200);
  });

  test.each([
    'candles?symbol=SIM:A',
    'trades?symbol=SIM:A',
    'revisions?symbol=SIM:A',
    'indicators?symbol=SIM:A&name=sma20',
    'signals?feed=sim',
    'gaps?feed=sim',
  ])('/v1/%s: a range that is over may be kept, the running one not', async (list) => {
    const cacheOf = async (toMs: number) =>
      (await ask(`/v1/${list}&from=${BEGIN}&to=${toMs}`)).headers.get('cache-control');
    expect(await cacheOf(NOW - 3_600_000)).toBe('private, max-age=60');
    // Of a quarter of an hour ago a late trade may still come.
    expect(await cacheOf(NOW - 14 * 60_000)).toBe('private, no-cache');
    expect(await cacheOf(NOW)).toBe('private, no-cache');
  });
}
