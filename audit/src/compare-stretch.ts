import { atMost } from './at-most.ts';
import type { Columns } from './columns.ts';
import { compareCandles } from './compare-candles.ts';
import { compareTrades } from './compare-trades.ts';
import { compareWindow, type JudgedWindow } from './compare-window.ts';
import type { Reached } from './consumers.ts';
import type { DeadLetters } from './dead-letters.ts';
import type { PlacedTrade } from './expected-window.ts';
import { type LogStretch, type ShardLog, startOf, STRETCH_MS, WINDOW_MS } from './raw-log.ts';
import type { BatchName } from './sequences.ts';
import type { Stored, StoredTrade, StoredWindow } from './stored.ts';
import { createTally, type Tally } from './tally.ts';

/** What a comparison needs beside the log. */
export interface CompareDeps {
  readonly stored: Stored;
  readonly dead: DeadLetters;
  readonly reached: Reached;
  readonly graceMs: number;
  readonly isWanted: (shard: string, windowStartMs: number) => boolean;
  /** Windows that the table has of a shard within a range of time, whether the log knows them or not. */
  readonly windowsIn: (shard: string, fromMs: number, toMs: number) => readonly number[];
}

/** The windows of a stretch that could be judged, for whoever wants to go on from them. */
export interface ComparedStretch {
  readonly tally: Tally;
  readonly judged: ReadonlyMap<number, JudgedWindow>;
  /** Symbols whose rows in the views were looked at for the whole stretch. */
  readonly symbols: ReadonlySet<string>;
}

const READS_AT_ONCE = 16;

/** Compares one stretch of a shard's windows with everything that was stored of it. */
export async function compareStretch(
  deps: CompareDeps,
  { log, startMs, windows }: LogStretch,
): Promise<ComparedStretch> {
  const tally = createTally();
  const { shard, partition } = log;
  const feed = feedOf(shard);
  const toMs = startMs + STRETCH_MS;
  const starts = [...new Set([...windows.keys(), ...deps.windowsIn(shard, startMs, toMs)])].toSorted(
    (a, b) => a - b,
  );

  // Views before windows, and the open list before both: what moves on meanwhile is then newer, never older.
  const { open } = await deps.stored.shard(shard);
  const stored = new Map<number, StoredWindow | null>();
  await atMost(READS_AT_ONCE, starts, async (windowStartMs) => {
    stored.set(windowStartMs, await deps.stored.window(shard, windowStartMs));
  });
  const symbols = new Set<string>();
  for (const trades of windows.values()) for (const { symbol } of trades) symbols.add(symbol);
  for (const window of stored.values()) for (const symbol of window?.rows.keys() ?? []) symbols.add(symbol);

  const candles = new Map<number, Map<string, Columns>>();
  const trades = new Map<string, readonly StoredTrade[]>();
  await atMost(READS_AT_ONCE, symbols, async (symbol) => {
    const range = { feed, symbol, fromMs: startMs, toMs };
    const [candleRows, tradeRows] = [await deps.stored.candles(range), await deps.stored.trades(range)];
    for (const { timeMs, columns } of candleRows) {
      const window = candles.get(timeMs) ?? new Map<string, Columns>();
      candles.set(timeMs, window.set(symbol, columns));
    }
    for (const [windowStartMs, rows] of Map.groupBy(tradeRows, ({ timeMs }) => startOf(timeMs, WINDOW_MS)))
      trades.set(`${windowStartMs} ${symbol}`, rows);
  });

  const hasDead = hasDeadBatches(log, deps.dead);
  const judged = new Map<number, JudgedWindow>();
  const all = new Set([
    ...starts,
    ...candles.keys(),
    ...[...trades.keys()].map((key) => Number(key.split(' ')[0])),
  ]);
  for (const windowStartMs of [...all].toSorted((a, b) => a - b)) {
    if (!deps.isWanted(shard, windowStartMs)) continue;
    const ofWindow = windows.get(windowStartMs) ?? [];
    const window = stored.get(windowStartMs) ?? null;
    const before = tally.counts().get('windows')?.skipped['cut by retention'] ?? 0;
    const verdict = compareWindow(
      {
        log,
        windowStartMs,
        trades: ofWindow,
        stored: window,
        isOpen: open.has(windowStartMs),
        isReached: deps.reached.windows(partition),
        graceMs: deps.graceMs,
        isDead: (batch) => deps.dead.of(batchId(shard, batch), ['transform', 'aggregate']).length > 0,
        hasDeadBatches: hasDead,
      },
      tally,
    );
    const isCut =
      (tally.counts().get('windows')?.skipped['cut by retention'] ?? 0) > before ||
      (window === null && isBeforeLog(log, windowStartMs));
    const found = candles.get(windowStartMs) ?? new Map<string, Columns>();
    if (verdict !== null) {
      judged.set(windowStartMs, verdict);
      compareCandles(
        {
          shard,
          windowStartMs,
          judged: verdict,
          found,
          isReached: deps.reached.candles(partition),
          isDead: hasDeadCandles(deps.dead, shard, windowStartMs),
        },
        tally,
      );
    } else if (window === null && ofWindow.length === 0 && !isCut) {
      // No trade, no window: no candle either.
      const nothing = {
        expected: { applied: '', rows: new Map(), repeatedIds: [] },
        stored: null,
        isRight: true,
      };
      compareCandles({ shard, windowStartMs, judged: nothing, found, isReached: true, isDead: false }, tally);
    }
    const bySymbol = Map.groupBy(ofWindow, ({ symbol }) => symbol);
    for (const symbol of symbols) {
      compareTrades(
        {
          shard,
          windowStartMs,
          symbol,
          trades: bySymbol.get(symbol) ?? [],
          found: trades.get(`${windowStartMs} ${symbol}`) ?? [],
          isReached: deps.reached.trades(partition),
          isCut,
          isDead: (trade: PlacedTrade) =>
            deps.dead.of(batchId(shard, trade), ['transform', 'persist']).length > 0,
        },
        tally,
      );
    }
  }
  return { tally, judged, symbols };
}

/** The feed that a shard belongs to: `finnhub` for `finnhub-03`. */
export function feedOf(shard: string): string {
  return shard.replace(/-\d{2}$/, '');
}

function batchId(shard: string, { epoch, sequence }: BatchName): string {
  return `${epoch}:${shard}:${sequence}`;
}

function hasDeadBatches(log: ShardLog, dead: DeadLetters): boolean {
  const middle = `:${log.shard}:`;
  for (const { id, destination } of dead.all()) {
    if (id.includes(middle) && (destination === 'transform' || destination === 'aggregate')) return true;
  }
  return false;
}

function hasDeadCandles(dead: DeadLetters, shard: string, windowStartMs: number): boolean {
  const prefix = `${shard}:${windowStartMs}:`;
  for (const { id, destination } of dead.all()) {
    if (destination === 'persist' && id.startsWith(prefix)) return true;
  }
  return false;
}

/** How much before its first watermark the log may still be incomplete: trades come a little out of order. */
const DISORDER_MS = 60_000;

/** True for windows of a time from which the log may have lost batches to its retention. */
function isBeforeLog(log: ShardLog, windowStartMs: number): boolean {
  return log.first.sequence > 1 && windowStartMs < log.first.watermarkMs + DISORDER_MS;
}
