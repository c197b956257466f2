import fc from 'fast-check';
import { expect, test } from 'vitest';
import { recordFormat } from '../feed/formats.ts';
import { tradeIdOf } from '../feed/trade-identity.ts';
import { cleanBatch } from '../trade/clean-trades.ts';
import type { Trade } from '../trade/trade.ts';
import { missingTrades } from './missing-trades.ts';

const T0 = 1_764_000_000_000;
const record = (t: number, p = 100, v = 1, c: readonly string[] | null = null) => ({
  s: 'AAPL',
  t: T0 + t,
  p,
  v,
  c,
});
type Made = ReturnType<typeof record>;

/** What ingest and transform make of records that came on one connection. */
function countedOf(records: readonly Made[]): readonly Trade[] {
  const seen = new Map<string, number>();
  const raw = records.map((one) => {
    const { s: symbol, t: eventTimeMs, p: price, v: size, c: conditions } = one;
    const tuple = { symbol, eventTimeMs, price, size, conditions };
    const n = (seen.get(tradeIdOf(tuple, 1)) ?? 0) + 1;
    seen.set(tradeIdOf(tuple, 1), n);
    return { id: tradeIdOf(tuple, n), record: one };
  });
  const header = {
    shard: 'f-00',
    epoch: 1,
    sequence: 1,
    watermarkMs: 0,
    watermarkBeforeMs: 0,
    ingestTimeMs: 1,
  };
  return cleanBatch({ ...header, rules: 'us-tape', records: raw }, 0).batch.trades;
}

const base = { shard: 'f-00', format: undefined, rules: 'us-tape' } as const;
const missing = (history: readonly Made[], counted: readonly Trade[]) =>
  missingTrades({ ...base, history, counted });

/** Few values, so that twins are common. */
const markets = fc.array(
  fc.record({ t: fc.integer({ min: 0, max: 3 }), p: fc.constantFrom(100, 101), v: fc.constantFrom(1, 2) }),
  { maxLength: 20 },
);

test('missingTrades() with what was counted gives every trade of the history once, whatever part was counted', () => {
  fc.assert(
    fc.property(markets, fc.array(fc.boolean(), { minLength: 20, maxLength: 20 }), (all, came) => {
      const history = all.map(({ t, p, v }) => record(t, p, v));
      const counted = countedOf(history.filter((_, index) => came[index]));
      const { records, trades } = missing(history, counted);
      expect([...counted, ...trades].map(({ id }) => id).toSorted()).toEqual(
        countedOf(history)
          .map(({ id }) => id)
          .toSorted(),
      );
      expect(records.map(({ id }) => id)).toEqual(trades.map(({ id }) => id));
    }),
  );
});

test('missingTrades() brings nothing, when everything was brought before', () => {
  fc.assert(
    fc.property(markets, (all) => {
      const history = all.map(({ t, p, v }) => record(t, p, v));
      const first = missing(history, []);
      expect(missing(history, first.trades).records).toEqual([]);
    }),
  );
});

test('missingTrades() knows a trade by its values, when the history spells its conditions otherwise', () => {
  const counted = countedOf([record(5, 100, 1, ['1'])]);
  const history = [record(5, 100, 1, ['1', '24']), record(5, 100, 1, ['1', '24'])];
  expect(missing(history, counted)).toMatchObject({ trades: [{ eventTimeMs: T0 + 5 }], known: 1 });
});

test('missingTrades() does not bring what can never count', () => {
  expect(missing([record(1, -5), record(2)], [])).toMatchObject({
    trades: [{ eventTimeMs: T0 + 2 }],
    refused: 1,
  });
});

test('missingTrades() takes a second record with an id of its own for the same trade', () => {
  const look = { s: 'AAPL', t: T0, p: 5, v: null, dv: 7 };
  expect(recordFormat('samples').seeTrade(look).ownId).not.toBeNull();
  const { records } = missingTrades({
    ...base,
    format: 'samples',
    rules: undefined,
    history: [look, look],
    counted: [],
  });
  expect(records).toHaveLength(1);
});
