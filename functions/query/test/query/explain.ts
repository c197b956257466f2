import { formatBatchRejects } from '@kandle/market/event/rejects';
import { expect, test } from 'vitest';
import { BEGIN, type QueryMarket } from './market.ts';

/** `/v1/explain` */
export function testExplain({ ask, sendRejects }: QueryMarket): void {
  test('explain shows the trades and versions of a candle, the gaps that touch it, and what does not fit', async () => {
    const explained: unknown = await (await ask(`/v1/explain?symbol=SIM:A&start=${BEGIN}`)).json();
    expect(explained).toMatchObject({
      candle: { trade_count: 2 },
      versions: [{ version: 2 }, { version: 3 }, { version: 10 }],
      trades: [{ id: 'a' }, { id: 'b' }, { id: 'c' }],
      counted: { trades: 3, volume: 4.5, high: 1.5, low: 1.5 },
      gaps: [{ shard: 'sim-00' }, { shard: 'sim-01' }],
      notes: [
        'The candle counts 2 trades and 3 are stored: run the audit.',
        '1 of 3 trades were missed by the feed and fetched afterwards: recording 1.',
        'It was revised 2 times: late.',
        'Gap of sim-00 (disconnected), 61000 ms.',
        'Gap of sim-01 (disconnected), 61000 ms.',
      ],
    });
  });

  test('explain shows the refused records that name the symbol and a time of the candle, each once', async () => {
    const record = (s: string, t: number) => ({ s, p: 1.5, t, v: 0 });
    const rejects = [
      record('SIM:A', BEGIN + 20_000),
      record('SIM:A', BEGIN + 24_999),
      record('SIM:A', BEGIN + 25_000),
      record('SIM:B', BEGIN + 20_000),
    ].map((one, n) => ({
      id: `1:sim-00:7:${n}`,
      reason: 'bad_size' as const,
      detail: 'a size is 0',
      record: one,
    }));
    const event = formatBatchRejects('1:sim-00:7', 'sim-00', rejects);
    // The same rejects may come twice.
    await sendRejects([event, event]);
    const explained: unknown = await (await ask(`/v1/explain?symbol=SIM:A&start=${BEGIN + 20_000}`)).json();
    expect(explained).toMatchObject({
      rejects: [{ id: '1:sim-00:7:0', reason: 'bad_size' }, { id: '1:sim-00:7:1' }],
      notes: expect.arrayContaining(['Records were refused: bad_size 2.']),
    });
  });
}
