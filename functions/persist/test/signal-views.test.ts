import { formatIndicatorBatch } from '@kandle/market/indicator/indicator-batch';
import type { MarketEvent } from '@kandle/market/event/market-event';
import { formatSignalBatch, signalId } from '@kandle/market/signal/signal-batch';
import { bucketOf } from '@kandle/market/view/buckets';
import { useTestKeyspace } from '@kandle/testkit/test-keyspace';
import { expect, test } from 'vitest';
import { createPersist } from '../src/handler.ts';
import { createViews } from '../src/views/views.ts';

const W0 = 1_700_000_000_000;
const { client } = useTestKeyspace('signal_views');
const persist = createPersist({
  views: createViews(client, { writeConcurrency: 8, maxRowsPerBatch: 200 }),
  rows: { add: () => undefined },
  horizonMs: 900_000,
});

function indicators(version: number, sma20: number): readonly MarketEvent[] {
  const row = { symbol: 'A', version, candleVersion: 2, repeated: 0, restarted: false, close: 1 };
  return formatIndicatorBatch({
    shard: 'finnhub-03',
    windowStartMs: W0,
    indicators: [{ ...row, values: { sma20 } }],
  });
}

function signals(version: number, state: 'active' | 'retracted'): readonly MarketEvent[] {
  const named = { rule: 'rsi', symbol: 'A', windowStartMs: W0 };
  const said = { side: 'sell', strength: 0.5, numbers: { rsi: 75 }, text: 'A is “overbought”.' } as const;
  const signal = { ...named, ...said, id: signalId(named), state, version, causedAtMs: W0 + 1 };
  return formatSignalBatch({ shard: 'finnhub-03', windowStartMs: W0, version, signals: [signal] });
}

test('persist() keeps the newest version of indicators and signals, in any order and however often they come', async () => {
  const events = [
    ...indicators(4, 2.5),
    ...indicators(1, 1.5),
    ...signals(4, 'retracted'),
    ...signals(1, 'active'),
  ];
  for (const event of [...events, ...events.toReversed(), ...events]) {
    const data: unknown = JSON.parse(JSON.stringify(event.data));
    await persist({ ...event, attributes: event.extensions, data, offset: null });
  }
  const values = await client.execute(
    "SELECT start, sma, rsi, names, version FROM indicators WHERE feed = 'finnhub' AND shard = 'finnhub-03' AND bucket = ? AND symbol = 'A'",
    [bucketOf('indicators', W0)],
  );
  expect(values.rows.map((row) => ({ ...row }))).toEqual([
    { start: new Date(W0), sma: 2.5, rsi: Number.NaN, names: 'sma20', version: 4 },
  ]);
  const found = await client.execute(
    "SELECT symbol, rule, side, strength, text, state, numbers, version FROM signals WHERE feed = 'finnhub' AND day = '2023-11-14'",
  );
  expect(found.rows.map((row) => ({ ...row }))).toEqual([
    {
      symbol: 'A',
      rule: 'rsi',
      side: 'sell',
      strength: 0.5,
      text: 'A is “overbought”.',
      state: 'retracted',
      numbers: '{"rsi":75}',
      version: 4,
    },
  ]);
});
