import { naiveCandle } from '@kandle/testkit/naive-candle';
import {
  batches,
  FIRST_WINDOW_MS,
  type KeyedTrade,
  keyedTrades,
  type TestBatch,
} from '@kandle/testkit/trades';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatApplied } from './applied.ts';
import type { Candle } from '../candle/candle.ts';
import { foldTrades } from '../candle/fold.ts';
import {
  ABSENT_INCOMPLETE_WINDOW,
  ABSENT_WINDOW,
  closeWindow,
  holdsBatch,
  isComplete,
  isFinal,
  markIncomplete,
  mergeBatch,
  type RevisionReason,
  shownRow,
  type WindowState,
} from './window-state.ts';

/** What happens to a window: a batch comes (perhaps again), it is closed, or a gap in it becomes known. */
type Step =
  | { readonly kind: 'batch'; readonly batch: TestBatch; readonly offset: bigint | null }
  | { readonly kind: 'close' }
  | { readonly kind: 'gap' };

const offsets = fc.option(fc.bigInt({ min: 0n, max: 20n }));

/** Batches in any order, some twice, with at most one close and one gap anywhere among them. */
const histories: fc.Arbitrary<readonly Step[]> = batches
  .chain((some) =>
    fc.tuple(
      fc.shuffledSubarray([...some, ...some], { minLength: some.length }),
      fc.array(offsets, { minLength: some.length * 2, maxLength: some.length * 2 }),
      fc.option(fc.nat(some.length * 2)),
      fc.option(fc.nat(some.length * 2)),
    ),
  )
  .map(([order, offsets, closeAt, gapAt]) => {
    const steps = order.map(
      (batch, index): Step => ({ kind: 'batch', batch, offset: offsets[index] ?? null }),
    );
    const closed = closeAt === null ? steps : steps.toSpliced(closeAt, 0, { kind: 'close' });
    return gapAt === null ? closed : closed.toSpliced(gapAt, 0, { kind: 'gap' });
  });

function candlesOf(batch: TestBatch): ReadonlyMap<string, Candle> {
  return foldTrades(batch.trades, batch).get(FIRST_WINDOW_MS) ?? new Map();
}

/** Runs a history as aggregate does: a batch that the window holds is left out. */
function run(steps: readonly Step[]): WindowState {
  return steps.reduce<WindowState>((window, step) => {
    if (step.kind === 'close') return closeWindow(window);
    if (step.kind === 'gap') return markIncomplete(window);
    const position = { epoch: step.batch.epoch, sequence: step.batch.sequence, offset: step.offset };
    if (holdsBatch(window, position)) return window;
    return mergeBatch(window, position, candlesOf(step.batch)).next;
  }, ABSENT_WINDOW);
}

interface ModelRow {
  readonly trades: KeyedTrade[];
  version: number;
  revision: number;
  reason: RevisionReason | null;
}

/** The window by counting: every distinct step raises the version, and each symbol's trades are kept whole. */
function model(steps: readonly Step[]): unknown {
  const seen = new Map<string, bigint | null>();
  const rows = new Map<string, ModelRow>();
  let version = 0;
  let finalVersion = 0;
  let incompleteVersion = 0;
  for (const step of steps) {
    if (step.kind !== 'batch') {
      version += 1;
      if (step.kind === 'close') finalVersion = version;
      else incompleteVersion = version;
      // Both say something new of every candle; only of a final one it is a revision.
      for (const row of rows.values()) {
        row.version = version;
        if (step.kind === 'close' || finalVersion === 0) continue;
        row.revision += 1;
        row.reason = 'feed_gap';
      }
      continue;
    }
    const name = `${step.batch.epoch}:${step.batch.sequence}`;
    if (seen.has(name)) continue;
    seen.set(name, step.offset);
    version += 1;
    const here = keyedTrades([step.batch]).filter(({ trade }) => trade.eventTimeMs < FIRST_WINDOW_MS + 5_000);
    for (const [symbol, trades] of Map.groupBy(here, ({ trade }) => trade.symbol)) {
      const isLate = finalVersion > 0;
      const row = rows.get(symbol);
      if (row === undefined) {
        rows.set(symbol, { trades, version, revision: 0, reason: isLate ? 'late_first' : null });
        continue;
      }
      row.trades.push(...trades);
      row.version = version;
      if (isLate) row.revision += 1;
      if (isLate) row.reason = 'late_trade';
    }
  }
  const offsets = [...seen.values()].filter((offset) => offset !== null).toSorted((a, b) => (a < b ? -1 : 1));
  return {
    version,
    finalVersion,
    incompleteVersion,
    minOffset: offsets[0] ?? null,
    batches: new Set(seen.keys()),
    rows: new Map(
      [...rows].map(([symbol, { trades, ...row }]) => [symbol, { candle: naiveCandle(trades), ...row }]),
    ),
  };
}

/** A window as the model says it: its batches listed one by one, its rows as they are shown. */
function described(window: WindowState): unknown {
  const { applied, ...others } = window;
  const batches = [...applied].flatMap(([epoch, ranges]) =>
    ranges.flatMap(([first, last]) =>
      Array.from({ length: last - first + 1 }, (_, index) => `${epoch}:${first + index}`),
    ),
  );
  const rows = new Map([...window.rows].map(([symbol, row]) => [symbol, shownRow(window, row)]));
  return { ...others, rows, batches: new Set(batches) };
}

test('mergeBatch(), closeWindow() and markIncomplete() agree with a count of the steps, when batches repeat and come late', () => {
  fc.assert(
    fc.property(histories, (steps) => {
      expect(described(run(steps))).toEqual(model(steps));
    }),
    { numRuns: 500 },
  );
});

function toSteps(some: readonly TestBatch[]): readonly Step[] {
  return some.map((batch) => ({ kind: 'batch', batch, offset: null }));
}

/** What must not depend on the order of batches. */
function withoutOrder({ version, applied, rows }: WindowState): unknown {
  const candles = new Map([...rows].map(([symbol, row]) => [symbol, row.candle]));
  return { version, applied: formatApplied(applied), candles };
}

test('mergeBatch() ends in the same candles and batches, when batches come in another order', () => {
  const orders = batches.chain((some) =>
    fc.tuple(fc.constant(some), fc.shuffledSubarray([...some], { minLength: some.length })),
  );
  fc.assert(
    fc.property(orders, ([some, other]) => {
      expect(withoutOrder(run(toSteps(other)))).toEqual(withoutOrder(run(toSteps(some))));
    }),
  );
});

test('mergeBatch() names the symbols it wrote and leaves the window before it alone, when it merges', () => {
  fc.assert(
    fc.property(histories, batches, (steps, [late]) => {
      fc.pre(late !== undefined);
      const window = run(steps);
      const position = { epoch: 3, sequence: late.sequence, offset: null };
      const before = described(window);
      const { next, changed } = mergeBatch(window, position, candlesOf(late));
      expect(new Set(changed)).toEqual(new Set(candlesOf(late).keys()));
      for (const [symbol, row] of next.rows) {
        if (changed.includes(symbol)) expect(row.version).toBe(next.version);
        else expect(row).toBe(window.rows.get(symbol));
      }
      expect(described(window)).toEqual(before);
    }),
  );
});

const POSITION = { epoch: 1, sequence: 1, offset: null };

test('mergeBatch() gives its rows the reason backfilled and everything else as ever, when its trades were fetched elsewhere', () => {
  fc.assert(
    fc.property(histories, batches, (steps, [late]) => {
      fc.pre(late !== undefined);
      const window = run(steps);
      const position = { epoch: 3, sequence: late.sequence, offset: null };
      const { next, changed } = mergeBatch(window, position, candlesOf(late));
      const rows = new Map(
        [...next.rows].map(([symbol, row]) => [
          symbol,
          changed.includes(symbol) ? { ...row, reason: 'backfilled' } : row,
        ]),
      );
      expect(mergeBatch(window, position, candlesOf(late), true)).toEqual({
        next: { ...next, rows },
        changed,
      });
    }),
  );
});

test('mergeBatch() counts a batch without trades of the window, when it has none', () => {
  const { next, changed } = mergeBatch(ABSENT_WINDOW, POSITION, new Map());
  expect(changed).toEqual([]);
  expect(next).toMatchObject({ version: 1, finalVersion: 0, rows: new Map() });
  expect(holdsBatch(next, POSITION)).toBe(true);
});

test('mergeBatch() refuses, when the window holds the batch', () => {
  const { next } = mergeBatch(ABSENT_WINDOW, POSITION, new Map());
  expect(() => mergeBatch(next, POSITION, new Map())).toThrow('Cannot merge a batch: 1:1 is already applied');
});

test('closeWindow() makes a final window of version 1, when it was never written', () => {
  const closed = closeWindow(ABSENT_WINDOW);
  expect(closed).toEqual({ ...ABSENT_WINDOW, version: 1, finalVersion: 1 });
  expect([isFinal(ABSENT_WINDOW), isFinal(closed)]).toEqual([false, true]);
});

test('markIncomplete() marks once, also a window that was never written', () => {
  const marked = markIncomplete(ABSENT_WINDOW);
  expect(marked).toEqual({ ...ABSENT_WINDOW, version: 1, incompleteVersion: 1 });
  expect([isComplete(ABSENT_WINDOW), isComplete(marked)]).toEqual([true, false]);
  expect(() => markIncomplete(marked)).toThrow(RangeError);
});

test('ABSENT_INCOMPLETE_WINDOW becomes incomplete with its first write, whatever that is', () => {
  const { next } = mergeBatch(ABSENT_INCOMPLETE_WINDOW, POSITION, new Map());
  for (const window of [next, closeWindow(ABSENT_INCOMPLETE_WINDOW)]) {
    expect(window).toMatchObject({ version: 1, incompleteVersion: 1 });
    expect(isComplete(window)).toBe(false);
  }
});

test('closeWindow() refuses, when the window is final', () => {
  expect(() => closeWindow(closeWindow(ABSENT_WINDOW))).toThrow(RangeError);
});
