import { formatCandleBatch, type PublishedCandle } from '@kandle/market/candle/candle-batch';
import { e16, e8 } from '@kandle/market/number/fixed-point';
import type { EventProducer } from '@kandle/runtime/event-producer';
import type { Client } from 'cassandra-driver';
import type { Columns } from './columns.ts';
import { type CandleLife, type CandleNumbers, candleColumns, lifeOf } from './compare-candles.ts';
import { bucketDate } from './compare-rollups.ts';
import type { WrongWindow } from './compare-stretch.ts';
import { doubleOf } from './decimal.ts';
import type { PlacedTrade } from './expected-window.ts';
import { startOf, WINDOW_MS } from './raw-log.ts';
import { planCompleteness, planWindow, type WindowPlan, writeWindow } from './repair-window.ts';
import { removeViewRow, type ViewRow, writeViewRow } from './repair-views.ts';
import type { Wrongs } from './report.ts';
import { feedOf } from './scope.ts';
import type { Stored, StoredRow, StoredTrade, StoredWindow } from './stored.ts';

/** What a repair works with. */
export interface RepairDeps {
  readonly client: Client;
  readonly stored: Stored;
  readonly producer: Pick<EventProducer, 'send'>;
  readonly candlesTopic: string;
  /** True tells what would be done, and does nothing. */
  readonly isDryRun: boolean;
  /** Wall clock, for rows that a wall clock has written over. */
  readonly nowMs: () => number;
  readonly onProgress: (line: string) => void;
}

/** What was done, or would be. */
export interface RepairSummary {
  readonly isDryRun: boolean;
  windows: number;
  candleEvents: number;
  candleRows: number;
  tradeRows: number;
  gapRows: number;
  rollupRows: number;
  /** Rows that were written over a later write: their later versions are hidden until the next repair. */
  writtenOver: number;
  /** What could not be repaired, and why. */
  readonly left: string[];
}

const HOUR_MS = 3_600_000;
const MICROSECONDS = 1_000n;
const MAX_ORDER = 999;

/**
 * Puts right what an audit has found wrong. Windows by a transaction on the version that was judged; then the candles
 * are published; then the rows of the views are written as persist would write them, and read back.
 *
 * Repeatable: what was put right is not found wrong again.
 */
export async function repair(deps: RepairDeps, wrongs: Wrongs): Promise<RepairSummary> {
  const summary: RepairSummary = {
    isDryRun: deps.isDryRun,
    windows: 0,
    candleEvents: 0,
    candleRows: 0,
    tradeRows: 0,
    gapRows: 0,
    rollupRows: 0,
    writtenOver: 0,
    left: [],
  };
  for (const wrong of wrongs.windows) await repairWindow(deps, wrong, summary);
  for (const { shard, windowStartMs, isIncomplete } of wrongs.incomplete) {
    const stored = await deps.stored.window(shard, windowStartMs);
    if (stored === null || stored.finalVersion === 0 || stored.incompleteVersion > 0 === isIncomplete)
      continue;
    const plan = planCompleteness(shard, windowStartMs, stored, isIncomplete);
    if (await change(deps, plan, summary)) await publish(deps, plan, plan.changed, 'revised', summary);
    for (const symbol of plan.changed) await writeCandle(deps, plan, symbol, summary);
  }
  for (const { feed, symbol, windowStartMs } of wrongs.unseen) {
    const range = { feed, symbol, fromMs: windowStartMs, toMs: windowStartMs + WINDOW_MS };
    for (const row of await deps.stored.trades(range)) await removeTrade(deps, feed, symbol, row, summary);
    for (const row of await deps.stored.candles(range))
      await removeCandle(deps, feed, symbol, row.timeMs, row.columns, summary);
  }
  for (const { feed, symbol, startMs, table, columns, found } of wrongs.rollups) {
    const row = {
      table: table.table,
      key: { feed, symbol, [table.bucket]: bucketDate(table.bucket, startMs), start: startMs },
    };
    if (columns !== null) {
      const timestamp = BigInt(startMs) * MICROSECONDS + BigInt(Number(columns['version']));
      await write(deps, summary, 'rollupRows', { ...row, columns, timestamp });
    } else if (found !== null) await remove(deps, summary, 'rollupRows', { ...row, columns: found });
  }
  for (const gap of wrongs.gaps) {
    const order = Math.min(gap.droppedRecords, MAX_ORDER);
    await write(deps, summary, 'gapRows', {
      ...gapRow(gap),
      timestamp: BigInt(gap.toMs) * MICROSECONDS + BigInt(order),
    });
  }
  for (const gap of wrongs.extraGaps) await remove(deps, summary, 'gapRows', gapRow(gap));
  return summary;
}

async function repairWindow(deps: RepairDeps, wrong: WrongWindow, summary: RepairSummary): Promise<void> {
  const { shard, windowStartMs, judged } = wrong;
  const feed = feedOf(shard);
  const plan = planWindow(wrong);
  const changed = plan === null ? [] : plan.changed;
  const isWritten = plan === null || (await change(deps, plan, summary));
  if (judged !== null && isWritten) {
    const now = plan?.next ?? judged.stored;
    const place = { shard, windowStartMs, next: now ?? EMPTY };
    const isClosing = judged.stored !== null && !judged.isClosed;
    if (changed.length > 0 && !isClosing) await publish(deps, place, changed, 'revised', summary);
    const lacking = wrong.wrongEvents.filter(
      (symbol) => judged.expected.rows.has(symbol) && !changed.includes(symbol),
    );
    if (isClosing || lacking.length > 0)
      await publish(deps, place, [...place.next.rows.keys()], 'final', summary);
    const all = isClosing ? place.next.rows.keys() : [];
    for (const symbol of new Set([...changed, ...wrong.wrongCandles, ...all])) {
      const row = wrong.candles.get(symbol);
      if (judged.expected.rows.has(symbol)) await writeCandle(deps, place, symbol, summary);
      else if (row !== undefined) await removeCandle(deps, feed, symbol, windowStartMs, row, summary);
    }
    for (const symbol of wrong.wrongEvents) {
      if (!judged.expected.rows.has(symbol))
        summary.left.push(`candle event of ${symbol} in ${describe(place)}: an event cannot be taken back`);
    }
  }
  for (const [symbol, { missing, different, extra }] of wrong.wrongTrades) {
    for (const trade of [...missing, ...different])
      await write(deps, summary, 'tradeRows', tradeRow(feed, trade));
    for (const row of extra) await removeTrade(deps, feed, symbol, row, summary);
  }
}

const EMPTY: StoredWindow = {
  version: 0,
  finalVersion: 0,
  incompleteVersion: 0,
  applied: '',
  minOffset: null,
  rows: new Map(),
};

type PlacedWindow = Pick<WindowPlan, 'shard' | 'windowStartMs' | 'next'>;

function describe({ shard, windowStartMs }: Pick<WindowPlan, 'shard' | 'windowStartMs'>): string {
  return `${shard} ${new Date(windowStartMs).toISOString()}`;
}

async function change(deps: RepairDeps, plan: WindowPlan, summary: RepairSummary): Promise<boolean> {
  deps.onProgress(
    `window ${describe(plan)}: version ${plan.expectedVersion ?? 'none'} → ${plan.next.version}, ` +
      `rows ${plan.changed.join(', ') || 'none'}${plan.removed.length > 0 ? `, without ${plan.removed.join(', ')}` : ''}`,
  );
  if (!deps.isDryRun && !(await writeWindow(deps.client, plan))) {
    summary.left.push(`window ${describe(plan)}: it has changed meanwhile; audit again`);
    return false;
  }
  summary.windows += 1;
  return true;
}

async function publish(
  deps: RepairDeps,
  { shard, windowStartMs, next }: PlacedWindow,
  symbols: readonly string[],
  kind: 'final' | 'revised',
  summary: RepairSummary,
): Promise<void> {
  const candles = symbols.flatMap((symbol) => {
    const row = next.rows.get(symbol);
    return row === undefined ? [] : [publishedCandle(row, lifeOf(next, row))];
  });
  deps.onProgress(`publish ${candles.length} candles of ${describe({ shard, windowStartMs })} as ${kind}`);
  summary.candleEvents += candles.length;
  if (deps.isDryRun) return;
  const batch = { shard, windowStartMs, windowMs: WINDOW_MS, kind, version: next.version, candles };
  await deps.producer.send(deps.candlesTopic, formatCandleBatch(batch));
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

async function writeCandle(
  deps: RepairDeps,
  { shard, windowStartMs, next }: PlacedWindow,
  symbol: string,
  summary: RepairSummary,
): Promise<void> {
  const row = next.rows.get(symbol);
  if (row === undefined) return;
  const life = lifeOf(next, row);
  await write(deps, summary, 'candleRows', {
    table: 'candles_5s',
    key: candleKey(feedOf(shard), symbol, windowStartMs),
    columns: candleColumns(numbersOf(row.columns), life),
    timestamp: BigInt(windowStartMs) * MICROSECONDS + BigInt(life.version),
  });
}

function numbersOf(columns: Columns): CandleNumbers {
  const integer = (name: string): bigint => BigInt(columns[name] ?? 0);
  return {
    openE8: integer('open_e8'),
    highE8: integer('high_e8'),
    lowE8: integer('low_e8'),
    closeE8: integer('close_e8'),
    volumeE8: integer('volume_e8'),
    notionalE16: integer('notional_e16'),
    priceSumE8: integer('price_sum_e8'),
    tradeCount: Number(columns['trade_count']),
  };
}

function candleKey(feed: string, symbol: string, startMs: number): Columns {
  return { feed, symbol, day: new Date(startMs).toISOString().slice(0, 10), start: startMs };
}

async function removeCandle(
  deps: RepairDeps,
  feed: string,
  symbol: string,
  startMs: number,
  columns: Columns,
  summary: RepairSummary,
): Promise<void> {
  await remove(deps, summary, 'candleRows', {
    table: 'candles_5s',
    key: candleKey(feed, symbol, startMs),
    columns,
  });
}

function tradeRow(feed: string, trade: PlacedTrade): ViewRow {
  return {
    table: 'trades',
    key: tradeKey(feed, trade.symbol, { timeMs: trade.eventTimeMs, id: trade.id }),
    columns: { price: doubleOf(trade.priceE8), size: doubleOf(trade.sizeE8) },
    timestamp: BigInt(trade.eventTimeMs) * MICROSECONDS,
  };
}

function tradeKey(feed: string, symbol: string, { timeMs, id }: Pick<StoredTrade, 'timeMs' | 'id'>): Columns {
  return { feed, symbol, hour: startOf(timeMs, HOUR_MS), time: timeMs, id };
}

async function removeTrade(
  deps: RepairDeps,
  feed: string,
  symbol: string,
  row: StoredTrade,
  summary: RepairSummary,
): Promise<void> {
  const columns = { price: row.price, size: row.size };
  await remove(deps, summary, 'tradeRows', { table: 'trades', key: tradeKey(feed, symbol, row), columns });
}

function gapRow(gap: Wrongs['extraGaps'][number]): Omit<ViewRow, 'timestamp'> {
  const { shard, fromMs, toMs, reason, droppedRecords } = gap;
  const day = new Date(fromMs).toISOString().slice(0, 10);
  return {
    table: 'feed_gaps',
    key: { feed: feedOf(shard), day, from_time: fromMs, shard, reason },
    columns: { to_time: toMs, dropped_records: BigInt(droppedRecords) },
  };
}

type RowCount = 'candleRows' | 'tradeRows' | 'gapRows' | 'rollupRows';

async function write(deps: RepairDeps, summary: RepairSummary, count: RowCount, row: ViewRow): Promise<void> {
  deps.onProgress(`write a row of ${row.table}: ${Object.values(row.key).join(' ')}`);
  summary[count] += 1;
  if (deps.isDryRun) return;
  if ((await writeViewRow(deps.client, row, deps.nowMs())) === 'over a later write') summary.writtenOver += 1;
}

async function remove(
  deps: RepairDeps,
  summary: RepairSummary,
  count: RowCount,
  row: Omit<ViewRow, 'timestamp'>,
): Promise<void> {
  deps.onProgress(`remove a row of ${row.table}: ${Object.values(row.key).join(' ')}`);
  summary[count] += 1;
  if (!deps.isDryRun) await removeViewRow(deps.client, row);
}
