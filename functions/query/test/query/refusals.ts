import { expect, onTestFinished, test, vi } from 'vitest';
import { z } from 'zod';
import type { QueryMarket } from './market.ts';

/** What is refused, and how. */
export function testRefusals({ ask, client }: QueryMarket): void {
  test.each([
    ['/v1/candles', 400, 'symbol'],
    ['/v1/candles?symbol=SIM:A&interval=7s', 400, 'interval'],
    ['/v1/candles?symbol=SIM:A&limit=10001', 400, 'limit'],
    ['/v1/candles?symbol=SIM:A&limit=0', 400, 'limit'],
    ['/v1/candles?symbol=SIM:A&from=yesterday', 400, 'from'],
    ['/v1/candles?symbol=SIM:A&from=2000&to=1000', 400, 'from'],
    ['/v1/candles?symbol=SIM:A&page=%00', 400, 'page'],
    ['/v1/candles?symbol=SIM:A&colour=red', 400, 'colour'],
    ['/v1/candles?symbol=AAPL', 400, 'feed'],
    ['/v1/candles?symbol=SIM:A&exact=yes', 400, 'exact'],
    ['/v1/explain?symbol=SIM:A&start=1', 400, 'start'],
    [`/v1/candles?symbol=${encodeURIComponent('A\n')}`, 400, 'symbol'],
    // Printable, so it may be a symbol; it is a bound value, and nobody has it.
    [`/v1/candles?symbol=${encodeURIComponent("A' OR 1=1; DROP")}`, 404, null],
    ['/v1/candles?symbol=NOBODY', 404, null],
    ['/v1/candles?symbol=AAPL&feed=nofeed', 404, null],
    ['/v1/nothing', 404, null],
    ['/v1/instruments?status=gone', 400, 'status'],
    ['/v1/instruments?at=yesterday', 400, 'at'],
  ])('%s is refused with %i, and the field is named', async (path, status, field) => {
    const response = await ask(path);
    expect([response.status, response.headers.get('content-type')]).toEqual([
      status,
      'application/problem+json',
    ]);
    const told = z
      .object({ fields: z.record(z.string(), z.string()).optional() })
      .parse(await response.json());
    expect(Object.keys(told.fields ?? {})).toEqual(field === null ? [] : [field]);
  });

  test('no input is ever part of a CQL text', async () => {
    const watched = vi.spyOn(client, 'execute');
    onTestFinished(() => watched.mockRestore());
    const mark = 'zqx7';
    const hostile = [mark, `${mark}' OR '1'='1`, `${mark}; DROP TABLE latest; --`, `${mark}\0`];
    const questions = [
      'candles?symbol=*',
      'candles?symbol=SIM:A&feed=*',
      'candles?symbol=SIM:A&interval=*',
      'candles?symbol=SIM:A&fill=*&limit=*',
      'candles?symbol=SIM:A&from=*&to=*',
      'trades?symbol=SIM:A&page=*',
      'indicators?symbol=SIM:A&name=*',
      'signals?feed=*',
      'signals?symbol=*',
      'gaps?feed=*',
      'revisions?symbol=*&exact=*',
      'symbols?feed=*',
      'explain?symbol=*&start=*',
    ];
    const statuses = new Set<number>();
    for (const question of questions)
      for (const input of [...hostile, Buffer.from(`0 ${mark}' OR 1=1`).toString('base64url')])
        statuses.add((await ask(`/v1/${question.replaceAll('*', encodeURIComponent(input))}`)).status);
    const texts = new Set(watched.mock.calls.map(([text]) => text));
    expect(statuses).toEqual(new Set([200, 400, 404]));
    expect(texts.size).toBeGreaterThan(3);
    expect([...texts].filter((text) => text.includes(mark) || text.includes("'"))).toEqual([]);
  });
}
