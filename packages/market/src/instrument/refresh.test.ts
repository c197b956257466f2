import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Instrument, Listing } from './instrument.ts';
import { type RefreshOf, refreshInstruments } from './refresh.ts';

const T0 = 1_700_000_000_000;

function listing(ticker: string, more: Partial<Listing> = {}): Listing {
  const empty = { market: 'XNAS', currency: 'USD', type: 'Common Stock', figi: '', isin: '' };
  return { ticker, description: `${ticker} INC`, ...empty, ...more };
}

const many = (count: number): readonly Listing[] => Array.from({ length: count }, (_, n) => listing(`S${n}`));

/** What is kept after lists that come one after the other, and how each was taken. */
function play(lists: readonly (readonly Listing[])[], more: Partial<RefreshOf> = {}) {
  const kept = new Map<string, Instrument>();
  const refreshes = lists.map((listed, n) => {
    const newest = new Map<string, Instrument>();
    for (const one of [...kept.values()].toSorted((a, b) => a.validFromMs - b.validFromMs)) {
      newest.set(one.ticker, one);
    }
    const of = { feed: 'finnhub', list: 'stocks:US', nowMs: T0 + n, acceptShrink: false, ...more };
    const refresh = refreshInstruments([...newest.values()], listed, of);
    for (const one of refresh.kind === 'taken' ? refresh.changed : []) {
      kept.set(`${one.ticker}@${one.validFromMs}`, one);
    }
    return refresh;
  });
  return { kept: [...kept.values()], refreshes };
}

test('refreshInstruments() takes the first list whole, and changes nothing by the same list again', () => {
  const { kept, refreshes } = play([many(3), many(3)]);
  expect(
    kept.map(({ ticker, status, validFromMs, validToMs }) => [ticker, status, validFromMs, validToMs]),
  ).toEqual([0, 1, 2].map((n) => [`S${n}`, 'active', T0, null]));
  expect(refreshes.at(-1)).toEqual({ kind: 'taken', changed: [], leftOut: 0 });
});

test('refreshInstruments() calls an instrument inactive, when it is absent twice in a row', () => {
  const without = many(9);
  expect(play([many(10), without]).kept.at(-1)).toMatchObject({
    ticker: 'S9',
    status: 'active',
    absences: 1,
  });
  expect(play([many(10), without, many(10), without]).kept.at(-1)).toMatchObject({
    status: 'active',
    absences: 1,
  });
  expect(play([many(10), without, without]).kept.at(-1)).toMatchObject({
    status: 'inactive',
    validFromMs: T0,
    validToMs: T0 + 2,
  });
});

test('refreshInstruments() refuses a list that shrinks by more than a fifth, and an empty one', () => {
  expect(play([many(10), many(8)]).refreshes.at(-1)?.kind).toBe('taken');
  const { kept, refreshes } = play([many(10), many(7), []]);
  expect(refreshes.slice(1)).toEqual([
    {
      kind: 'refused',
      reason: 'the list has 7 instruments where 10 were active: it shrank by more than 20 %',
    },
    { kind: 'refused', reason: 'the list is empty' },
  ]);
  expect(kept.every(({ absences }) => absences === 0)).toBe(true);
  expect(play([many(10), many(1)], { acceptShrink: true }).refreshes.at(-1)?.kind).toBe('taken');
});

test('refreshInstruments() makes another instrument of a ticker that another company uses', () => {
  const other = listing('S0', { figi: 'BBG2', description: 'OTHER CORP' });
  const first = [listing('S0', { figi: 'BBG1' }), ...many(5).slice(1)];
  const { kept } = play([first, [other, ...many(5).slice(1)]]);
  expect(kept.filter(({ ticker }) => ticker === 'S0')).toMatchObject([
    { id: 'figi:BBG1', status: 'inactive', validFromMs: T0, validToMs: T0 + 1 },
    { id: 'figi:BBG2', status: 'active', validFromMs: T0 + 1, validToMs: null, description: 'OTHER CORP' },
  ]);
});

test('refreshInstruments() sees a rename while it is listed as the same, and one after its end as another', () => {
  const renamed = [listing('S9', { description: 'NEW NAME' }), ...many(9)];
  expect(play([many(10), renamed]).kept.at(-1)).toMatchObject({ description: 'NEW NAME', validFromMs: T0 });
  const back = play([many(10), many(9), many(9), many(10)]).kept;
  expect(back.filter(({ ticker }) => ticker === 'S9')).toMatchObject([{ status: 'active', validToMs: null }]);
  const reused = play([many(10), many(9), many(9), renamed]).kept;
  expect(reused.filter(({ ticker }) => ticker === 'S9')).toMatchObject([
    { status: 'inactive', validToMs: T0 + 2, id: 'ticker:S9@2023-11-14' },
    { status: 'active', validFromMs: T0 + 3 },
  ]);
});

test('refreshInstruments() gives an instrument the same id under another ticker', () => {
  const meta = { figi: 'BBG000MM2P62' };
  const { kept } = play([
    [listing('FB', meta), ...many(9)],
    [listing('META', meta), ...many(9)],
  ]);
  expect(kept.filter(({ figi }) => figi !== '').map(({ id, ticker }) => [id, ticker])).toEqual([
    ['figi:BBG000MM2P62', 'FB'],
    ['figi:BBG000MM2P62', 'META'],
  ]);
});

test('refreshInstruments() leaves out a ticker that came before, and one of another list', () => {
  const { kept } = play([many(2)]);
  const of = { feed: 'finnhub', list: 'crypto:X', nowMs: T0 + 1, acceptShrink: false };
  const refresh = refreshInstruments(kept, [listing('S0'), listing('Z'), listing('Z')], of);
  expect(refresh).toMatchObject({ kind: 'taken', changed: [{ ticker: 'Z' }], leftOut: 2 });
});

test('refreshInstruments() keeps an identifier that a list leaves out once', () => {
  const { kept } = play([[listing('A', { isin: 'US1' })], [listing('A', { figi: 'BBG1' })]]);
  expect(kept).toMatchObject([{ id: 'isin:US1', isin: 'US1', figi: 'BBG1' }]);
});

test('refreshInstruments() says of every change when it was seen, after the one before though a clock went back', () => {
  const [first] = play([many(10)]).kept;
  const of = { feed: 'finnhub', list: 'stocks:US', acceptShrink: false };
  const later = refreshInstruments(play([many(10)]).kept, many(9), { ...of, nowMs: T0 - 3_600_000 });
  expect(first?.changedAtMs).toBe(T0);
  expect(later).toMatchObject({ changed: [{ ticker: 'S9', changedAtMs: T0 + 1 }] });
  const renamed = [listing('S0', { description: 'NEW' }), ...many(10).slice(1)];
  const again = refreshInstruments(play([many(10)]).kept, renamed, { ...of, nowMs: T0 + 7 });
  expect(again).toMatchObject({ changed: [{ ticker: 'S0', changedAtMs: T0 + 7, validFromMs: T0 }] });
});

test('refreshInstruments() never lets two instruments have a ticker at one time, whatever the lists', () => {
  const ticker = fc.constantFrom('A', 'B', 'C');
  const entry = fc
    .record({ ticker, figi: fc.constantFrom('', 'F1', 'F2'), description: fc.constantFrom('x', 'y') })
    .map(({ ticker: name, ...more }) => listing(name, more));
  const lists = fc.array(fc.array(entry, { maxLength: 5 }), { maxLength: 12 });
  fc.assert(
    fc.property(lists, fc.boolean(), (given, isStill) => {
      const { kept } = play(given, { acceptShrink: true, ...(isStill ? { nowMs: T0 } : {}) });
      for (const periods of Map.groupBy(kept, (one) => one.ticker).values()) {
        const sorted = periods.toSorted((a, b) => a.validFromMs - b.validFromMs);
        for (const [n, { validToMs, status }] of sorted.entries()) {
          const next = sorted[n + 1];
          expect(validToMs === null).toBe(status === 'active');
          if (next !== undefined)
            expect(validToMs ?? Number.POSITIVE_INFINITY).toBeLessThanOrEqual(next.validFromMs);
        }
      }
    }),
  );
});
