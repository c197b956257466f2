import { formatIndicatorBatch } from '@kandle/market/indicator/indicator-batch';
import { INDICATOR_KINDS } from '@kandle/market/indicator/indicators';
import type { MarketEvent } from '@kandle/market/event/market-event';
import { formatSignalBatch, type Signal, signalId } from '@kandle/market/signal/signal-batch';
import { PoisonError } from '@kandle/runtime/errors';
import { expect, test } from 'vitest';
import { rowsOf } from '../handler.ts';

const W0 = 1_700_000_000_000;
const DAY = '2023-11-14';

function rowsOfEvents(events: readonly MarketEvent[]) {
  return events.flatMap((event) =>
    rowsOf(
      {
        ...event,
        attributes: event.extensions,
        data: JSON.parse(JSON.stringify(event.data)),
        offset: null,
      },
      900_000,
    ),
  );
}

function indicatorEvents(version: number, values: Record<string, number>): readonly MarketEvent[] {
  const row = { symbol: 'A', version, candleVersion: 2, repeated: 0, restarted: false, close: 1, values };
  return formatIndicatorBatch({ shard: 'finnhub-03', windowStartMs: W0, indicators: [row] });
}

function signalEvents(version: number, state: Signal['state']): readonly MarketEvent[] {
  const named = { rule: 'rsi', symbol: 'A', windowStartMs: W0 };
  const signal: Signal = {
    ...named,
    id: signalId(named),
    side: 'sell',
    strength: 0.25,
    numbers: { rsi: 77.5 },
    text: 'A is overbought.',
    state,
    version,
    causedAtMs: W0 + 4_999,
  };
  return formatSignalBatch({ shard: 'finnhub-03', windowStartMs: W0, version, signals: [signal] });
}

test('rowsOf() writes one row per symbol with a column for every indicator, NaN where it is not warm, and none where none is', () => {
  const key = { feed: 'finnhub', shard: 'finnhub-03', bucket: W0 - (W0 % 600_000), symbol: 'A', start: W0 };
  const cold = Object.fromEntries(INDICATOR_KINDS.map((kind) => [kind, Number.NaN]));
  const values = { sma20: 61_827.5, rsi14: 50, macd_signal: -1 };
  expect(rowsOfEvents(indicatorEvents(3, values))).toEqual([
    [
      {
        view: 'indicators',
        columns: {
          ...key,
          ...cold,
          sma: 61_827.5,
          rsi: 50,
          macd_signal: -1,
          names: 'sma20 rsi14 macd_signal',
          version: 3,
        },
        timestamp: BigInt(W0) * 1_000n + 3n,
      },
    ],
  ]);
  expect(rowsOfEvents(indicatorEvents(3, {}))).toEqual([]);
  expect(() => rowsOfEvents(indicatorEvents(3, { vortex14: 1 }))).toThrow(PoisonError);
});

test('rowsOf() writes a signal that was taken back over the one that stood', () => {
  const [active, retracted] = [...signalEvents(2, 'active'), ...signalEvents(5, 'retracted')].map((event) =>
    rowsOfEvents([event]).flat().at(0),
  );
  const key = { feed: 'finnhub', day: DAY, start: W0, symbol: 'A', rule: 'rsi' };
  expect(active?.columns).toMatchObject(key);
  expect(retracted).toEqual({
    view: 'signals',
    columns: {
      ...key,
      side: 'sell',
      strength: 0.25,
      text: 'A is overbought.',
      state: 'retracted',
      numbers: '{"rsi":77.5}',
      caused_at: W0 + 4_999,
      version: 5,
    },
    timestamp: BigInt(W0) * 1_000n + 5n,
  });
  expect(retracted?.timestamp).toBeGreaterThan(active?.timestamp ?? 0n);
});

test.each([
  ['indicators', indicatorEvents(2 ** 31, { sma20: 1 })],
  ['signals', signalEvents(2 ** 31, 'active')],
])('rowsOf() refuses for ever %s whose version is no int', (_, events) => {
  expect(() => rowsOfEvents(events)).toThrow(PoisonError);
});
