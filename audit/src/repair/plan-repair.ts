import type { CandleBatch, CandleBatchKind, PublishedCandle } from '@kandle/market/candle/candle-batch';
import { e16, e8 } from '@kandle/market/number/fixed-point';
import type { WrongWindow } from '../compare/compare-stretch.ts';
import type { Doubts } from '../compare/doubts.ts';
import type { Wrongs } from '../compare/wrongs.ts';
import type { Stored, StoredWindow } from '../read/stored.ts';
import type { StoredRow } from '../read/window-rows.ts';
import { type CandleLife, lifeOf } from '../recompute/candle.ts';
import type { Columns } from '../values/columns.ts';
import { WINDOW_MS } from '../values/periods.ts';
import { feedOf } from '../values/scope.ts';
import { planCompleteness, planWindow, type WindowPlan } from './plan-window.ts';
import {
  candleRemoval,
  candleWrite,
  gapRemoval,
  gapWrite,
  numbersOf,
  rollupChange,
  tradeRemoval,
  tradeWrite,
} from './rows.ts';
import type { RowChange } from './view-rows.ts';

/**
 * What belongs together in a repair: the events and rows follow only when the window's transaction was applied.
 */
export interface RepairStep {
  readonly window: WindowPlan | null;
  readonly events: readonly CandleBatch[];
  readonly rows: readonly RowChange[];
  /** What is not repaired here, and why. */
  readonly left: readonly string[];
}

/**
 * What puts right what an audit has found wrong, in the order in which it is to be done. Writes nothing. What
 * is in doubt is left as it is: what the log says of it may not be all that there was.
 *
 * @param stored For what the audit does not hand over: rows that nothing explains, and windows that are right
 *   but for their completeness.
 * @param isSampled Whether a shard's feed shows prices and tells no trades: its candles and events say it.
 */
export async function planRepair(
  wrongs: Wrongs,
  stored: Stored,
  doubts: Doubts,
  isSampled: (shard: string) => boolean,
): Promise<readonly RepairStep[]> {
  const steps: RepairStep[] = [];
  const leaveAlone = (what: string, doubt: string): void => {
    steps.push({ ...EMPTY_STEP, left: [`${what}: in doubt, ${doubt}`] });
  };
  const completeness = new Map(
    wrongs.incomplete.map((wrong) => [`${wrong.shard}|${wrong.windowStartMs}`, wrong]),
  );
  for (const wrong of wrongs.windows) {
    const key = `${wrong.shard}|${wrong.windowStartMs}`;
    const doubt =
      doubts.ofShard(wrong.shard) ??
      (wrong.judged?.hasLetters === true
        ? 'it has dead letters that nobody has sent again: redrive them'
        : null);
    if (doubt !== null) {
      completeness.delete(key);
      leaveAlone(`window ${describePlace(wrong)}`, doubt);
      continue;
    }
    if (wrong.judged !== null) {
      steps.push(stepOfWindow(wrong, completeness.get(key)?.isIncomplete ?? null, isSampled(wrong.shard)));
      completeness.delete(key);
    }
    const rows = tradeChanges(wrong);
    if (rows.length > 0) steps.push({ ...EMPTY_STEP, rows });
  }
  for (const wrong of completeness.values()) {
    const doubt = doubts.ofShard(wrong.shard);
    if (doubt !== null) {
      leaveAlone(`window ${describePlace(wrong)}`, doubt);
      continue;
    }
    const window = await stored.window(wrong.shard, wrong.windowStartMs);
    if (window === null || window.finalVersion === 0) continue;
    if (window.incompleteVersion > 0 !== wrong.isIncomplete)
      steps.push(await stepOfCompleteness(planCompleteness(wrong, window, isSampled(wrong.shard)), stored));
  }
  for (const { feed, symbol, shard, windowStartMs, isKnownShard } of wrongs.unseen) {
    const doubt = isKnownShard ? doubts.ofShard(shard) : doubts.ofFeed(feed);
    if (doubt !== null) {
      leaveAlone(`rows of ${feed} ${symbol} ${new Date(windowStartMs).toISOString()}`, doubt);
      continue;
    }
    const range = { feed, shard, fromMs: windowStartMs, toMs: windowStartMs + WINDOW_MS };
    const trades = (await stored.trades(range))
      .filter((row) => row.symbol === symbol)
      .map((row) => tradeRemoval({ feed, shard }, row));
    const candles = (await stored.candles(range))
      .filter((row) => row.symbol === symbol)
      .map((row) => candleRemoval({ feed, shard }, row));
    steps.push({ ...EMPTY_STEP, rows: [...trades, ...candles] });
  }
  for (const wrong of wrongs.rollups) {
    const doubt = doubts.ofShard(wrong.shard);
    if (doubt === null) steps.push({ ...EMPTY_STEP, rows: [rollupChange(wrong)] });
    else
      leaveAlone(`${wrong.table.table} of ${wrong.symbol} ${new Date(wrong.startMs).toISOString()}`, doubt);
  }
  const gaps = [
    ...wrongs.gaps.map((wrong) => ({ shard: wrong.gap.shard, row: gapWrite(wrong) })),
    ...wrongs.extraGaps.map((row) => ({ shard: row.shard, row: gapRemoval(row) })),
  ];
  for (const { shard, row } of gaps) {
    const doubt = doubts.ofShard(shard);
    if (doubt === null) steps.push({ ...EMPTY_STEP, rows: [row] });
    else leaveAlone(`a row of feed_gaps of ${shard}`, doubt);
  }
  return steps;
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
function stepOfWindow(wrong: WrongWindow, isIncomplete: boolean | null, isSampled: boolean): RepairStep {
  const { shard, windowStartMs, judged } = wrong;
  if (judged === null) return EMPTY_STEP;
  const window = planWindow(wrong, isIncomplete, isSampled);
  const changed = window?.changed ?? [];
  const place = { shard, windowStartMs, isSampled, next: window?.next ?? judged.stored ?? EMPTY_WINDOW };
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
      if (rows.has(symbol)) return candleWrites(place, [symbol], wrong.candles);
      const found = wrong.candles.get(symbol);
      const row = { symbol, timeMs: windowStartMs, columns: found ?? {} };
      return found === undefined ? [] : [candleRemoval({ feed: feedOf(shard), shard }, row)];
    }),
    left: wrong.wrongEvents
      .filter((symbol) => !rows.has(symbol))
      .map((symbol) => `candle event of ${symbol} in ${describePlace(wrong)}: an event cannot be taken back`),
  };
}

async function stepOfCompleteness(window: WindowPlan, stored: Stored): Promise<RepairStep> {
  const { shard, windowStartMs, changed } = window;
  const candles = new Map<string, Columns>();
  const range = { feed: feedOf(shard), shard, fromMs: windowStartMs, toMs: windowStartMs + WINDOW_MS };
  for (const { symbol, columns } of await stored.candles(range))
    if (changed.includes(symbol)) candles.set(symbol, columns);
  return {
    window,
    events: [batchOf(window, changed, 'revised')],
    rows: candleWrites(window, changed, candles),
    left: [],
  };
}

function tradeChanges({ shard, wrongTrades }: WrongWindow): readonly RowChange[] {
  const place = { feed: feedOf(shard), shard };
  return [...wrongTrades.values()].flatMap(({ missing, different, extra }) => [
    ...missing.map((trade) => tradeWrite(place, trade, null)),
    ...different.map(({ trade, row }) => tradeWrite(place, trade, row)),
    ...extra.map((row) => tradeRemoval(place, row)),
  ]);
}

type PlacedWindow = Pick<WindowPlan, 'shard' | 'windowStartMs' | 'isSampled' | 'next'>;

/** A window's shard and start, for people. */
export function describePlace({ shard, windowStartMs }: Pick<WindowPlan, 'shard' | 'windowStartMs'>): string {
  return `${shard} ${new Date(windowStartMs).toISOString()}`;
}

function candleWrites(
  place: PlacedWindow,
  symbols: readonly string[],
  found: ReadonlyMap<string, Columns>,
): readonly RowChange[] {
  return symbols.flatMap((symbol) => {
    const row = place.next.rows.get(symbol);
    return row === undefined
      ? []
      : [candleWrite(place, row, lifeOf(place.next, row), found.get(symbol) ?? null)];
  });
}

/** The event of some candles of a window. */
export function batchOf(
  { shard, windowStartMs, isSampled, next }: PlacedWindow,
  symbols: readonly string[],
  kind: CandleBatchKind,
): CandleBatch {
  const candles = symbols.flatMap((symbol) => {
    const row = next.rows.get(symbol);
    return row === undefined ? [] : [publishedCandle(row, lifeOf(next, row))];
  });
  const mark = isSampled ? ({ sampled: true } as const) : {};
  return { shard, windowStartMs, windowMs: WINDOW_MS, kind, version: next.version, ...mark, candles };
}

function publishedCandle({ symbol, columns }: StoredRow, life: CandleLife): PublishedCandle {
  const numbers = numbersOf(columns, false);
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
    ...(numbers.rank === undefined || numbers.rank === 0 ? {} : { rank: numbers.rank }),
  };
}
