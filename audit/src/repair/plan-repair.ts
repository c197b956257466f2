import type { CandleBatch, CandleBatchKind, PublishedCandle } from '@kandle/market/candle/candle-batch';
import { e16, e8 } from '@kandle/market/number/fixed-point';
import type { WrongWindow } from '../compare/compare-stretch.ts';
import type { Wrongs } from '../compare/wrongs.ts';
import type { Stored, StoredRow, StoredWindow } from '../read/stored.ts';
import { type CandleLife, lifeOf } from '../recompute/candle.ts';
import { WINDOW_MS } from '../values/periods.ts';
import { feedOf } from '../values/scope.ts';
import { planCompleteness, planWindow, type WindowPlan } from './plan-window.ts';
import {
  candleRow,
  candleWrite,
  gapRow,
  gapWrite,
  numbersOf,
  rollupChange,
  type RowChange,
  tradeRow,
  tradeWrite,
} from './rows.ts';

/** What belongs together in a repair: the events and rows follow only when the window's transaction was applied. */
export interface RepairStep {
  readonly window: WindowPlan | null;
  readonly events: readonly CandleBatch[];
  readonly rows: readonly RowChange[];
  /** What cannot be repaired here, and why. */
  readonly left: readonly string[];
}

/**
 * What puts right what an audit has found wrong, in the order in which it is to be done. Writes nothing.
 *
 * @param stored For what the audit does not hand over: rows that nothing explains, and windows that are right but for
 *   their completeness.
 */
export async function planRepair(wrongs: Wrongs, stored: Stored): Promise<readonly RepairStep[]> {
  const steps: RepairStep[] = [];
  const completeness = new Map(
    wrongs.incomplete.map((wrong) => [`${wrong.shard}|${wrong.windowStartMs}`, wrong]),
  );
  for (const wrong of wrongs.windows) {
    const key = `${wrong.shard}|${wrong.windowStartMs}`;
    if (wrong.judged !== null) {
      steps.push(stepOfWindow(wrong, completeness.get(key)?.isIncomplete ?? null));
      completeness.delete(key);
    }
    const rows = tradeChanges(wrong);
    if (rows.length > 0) steps.push({ ...EMPTY_STEP, rows });
  }
  for (const wrong of completeness.values()) {
    const window = await stored.window(wrong.shard, wrong.windowStartMs);
    if (window === null || window.finalVersion === 0) continue;
    if (window.incompleteVersion > 0 !== wrong.isIncomplete)
      steps.push(stepOfCompleteness(planCompleteness(wrong, window)));
  }
  for (const { feed, symbol, windowStartMs } of wrongs.unseen) {
    const range = { feed, symbol, fromMs: windowStartMs, toMs: windowStartMs + WINDOW_MS };
    const trades = (await stored.trades(range)).map((row) => tradeRow(feed, symbol, row));
    const candles = (await stored.candles(range)).map((row) =>
      candleRow(feed, symbol, row.timeMs, row.columns),
    );
    steps.push({
      ...EMPTY_STEP,
      rows: [...trades, ...candles].map((row) => ({ action: 'remove', row })),
    });
  }
  const rows = [
    ...wrongs.rollups.map(rollupChange),
    ...wrongs.gaps.map(gapWrite),
    ...wrongs.extraGaps.map((gap): RowChange => ({ action: 'remove', row: gapRow(gap) })),
  ].filter((change) => change !== null);
  return [...steps, ...rows.map((row) => ({ ...EMPTY_STEP, rows: [row] }))];
}

const EMPTY_STEP: RepairStep = { window: null, events: [], rows: [], left: [] };
const EMPTY_WINDOW: StoredWindow = {
  version: 0,
  finalVersion: 0,
  incompleteVersion: 0,
  applied: '',
  minOffset: null,
  rows: new Map(),
};

/** A window with its candles' events and rows. */
function stepOfWindow(wrong: WrongWindow, isIncomplete: boolean | null): RepairStep {
  const { shard, windowStartMs, judged } = wrong;
  if (judged === null) return EMPTY_STEP;
  const window = planWindow(wrong, isIncomplete);
  const changed = window?.changed ?? [];
  const place = { shard, windowStartMs, next: window?.next ?? judged.stored ?? EMPTY_WINDOW };
  const { rows } = judged.expected;
  const isClosing = judged.stored !== null && !judged.isClosed;
  const isLacking = wrong.wrongEvents.some((symbol) => rows.has(symbol) && !changed.includes(symbol));
  const symbols = new Set([...changed, ...wrong.wrongCandles, ...(isClosing ? place.next.rows.keys() : [])]);
  return {
    window,
    events: [
      ...(changed.length > 0 && !isClosing ? [batchOf(place, changed, 'revised')] : []),
      ...(isClosing || isLacking ? [batchOf(place, [...place.next.rows.keys()], 'final')] : []),
    ],
    rows: [...symbols].flatMap((symbol): readonly RowChange[] => {
      if (rows.has(symbol)) return candleWrites(place, [symbol]);
      const found = wrong.candles.get(symbol);
      return found === undefined
        ? []
        : [{ action: 'remove', row: candleRow(feedOf(shard), symbol, windowStartMs, found) }];
    }),
    left: wrong.wrongEvents
      .filter((symbol) => !rows.has(symbol))
      .map((symbol) => `candle event of ${symbol} in ${describePlace(wrong)}: an event cannot be taken back`),
  };
}

function stepOfCompleteness(window: WindowPlan): RepairStep {
  return {
    window,
    events: [batchOf(window, window.changed, 'revised')],
    rows: candleWrites(window, window.changed),
    left: [],
  };
}

function tradeChanges({ shard, wrongTrades }: WrongWindow): readonly RowChange[] {
  const feed = feedOf(shard);
  return [...wrongTrades].flatMap(([symbol, { missing, different, extra }]) => [
    ...[...missing, ...different].map((trade) => tradeWrite(feed, trade)),
    ...extra.map((row): RowChange => ({ action: 'remove', row: tradeRow(feed, symbol, row) })),
  ]);
}

type PlacedWindow = Pick<WindowPlan, 'shard' | 'windowStartMs' | 'next'>;

/** A window's shard and start, for people. */
export function describePlace({ shard, windowStartMs }: Pick<WindowPlan, 'shard' | 'windowStartMs'>): string {
  return `${shard} ${new Date(windowStartMs).toISOString()}`;
}

function candleWrites({ shard, windowStartMs, next }: PlacedWindow, symbols: readonly string[]) {
  return symbols.flatMap((symbol) => {
    const row = next.rows.get(symbol);
    return row === undefined ? [] : [candleWrite(shard, windowStartMs, row, lifeOf(next, row))];
  });
}

function batchOf(
  { shard, windowStartMs, next }: PlacedWindow,
  symbols: readonly string[],
  kind: CandleBatchKind,
): CandleBatch {
  const candles = symbols.flatMap((symbol) => {
    const row = next.rows.get(symbol);
    return row === undefined ? [] : [publishedCandle(row, lifeOf(next, row))];
  });
  return { shard, windowStartMs, windowMs: WINDOW_MS, kind, version: next.version, candles };
}

function publishedCandle({ symbol, columns }: StoredRow, life: CandleLife): PublishedCandle {
  const numbers = numbersOf(columns);
  return {
    symbol,
    ...life,
    reason: life.reason === '' ? null : life.reason,
    lastTradeMs: Number(String(columns['last_key']).split(':')[0]),
    openE8: e8(numbers.openE8),
    highE8: e8(numbers.highE8),
    lowE8: e8(numbers.lowE8),
    closeE8: e8(numbers.closeE8),
    volumeE8: e8(numbers.volumeE8),
    notionalE16: e16(numbers.notionalE16),
    priceSumE8: e8(numbers.priceSumE8),
    tradeCount: numbers.tradeCount,
  };
}
