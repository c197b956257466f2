import pLimit from 'p-limit';
import type { CandleEvent, CandleLog } from '../read/candle-log.ts';
import type { Reached } from '../read/consumers.ts';
import { batchIdOf, type DeadLetters } from '../read/dead-letters.ts';
import type { Stored, StoredTrade, StoredWindow } from '../read/stored.ts';
import type { PlacedTrade } from '../recompute/expected-window.ts';
import { isBeforeLog, type LogStretch } from '../recompute/raw-log.ts';
import { type RecomputedWindow, recomputedTrade } from '../recompute/recomputed.ts';
import type { Columns } from '../values/columns.ts';
import { startOf, STRETCH_MS, WINDOW_MS } from '../values/periods.ts';
import { feedOf } from '../values/scope.ts';
import { createTally, type Tally } from '../values/tally.ts';
import { compareCandles, expectedCandles } from './compare-candles.ts';
import { compareEvents } from './compare-events.ts';
import { compareTrades, type WrongTrades } from './compare-trades.ts';
import { compareWindow, type JudgedWindow } from './compare-window.ts';

/** What a comparison needs beside the log. */
export interface CompareDeps {
  readonly stored: Stored;
  readonly dead: DeadLetters;
  readonly reached: Reached;
  readonly candleLog: CandleLog;
  readonly graceMs: number;
  readonly isWanted: (shard: string, windowStartMs: number) => boolean;
  /** Windows that the table has of a shard within a range of time, whether the log knows them or not. */
  readonly windowsIn: (shard: string, fromMs: number, toMs: number) => readonly number[];
  /** Is told each window that was compared; the same again where it was looked at twice. */
  readonly onWindow: (window: RecomputedWindow) => void;
}

/** What is wrong with a window, and what it should be: enough to repair it. */
export interface WrongWindow {
  readonly shard: string;
  readonly windowStartMs: number;
  /** Null if only rows of `trades` could be judged. */
  readonly judged: JudgedWindow | null;
  readonly events: ReadonlyMap<string, CandleEvent>;
  readonly candles: ReadonlyMap<string, Columns>;
  /** Symbols whose newest event, and whose row of `candles_5s`, is missing, extra or different. */
  readonly wrongEvents: readonly string[];
  readonly wrongCandles: readonly string[];
  readonly wrongTrades: ReadonlyMap<string, WrongTrades>;
}

/** What the comparison of a stretch came to. */
export interface ComparedStretch {
  readonly tally: Tally;
  /** Every window that could be judged, and whether it is incomplete. */
  readonly judged: ReadonlyMap<number, boolean>;
  readonly wrong: readonly WrongWindow[];
  /** The log was not read to its end, and that matters: to be compared again when it is. */
  readonly isUnsure: boolean;
  /** Symbols that have something in the stretch: all of the shard's rows in the views were looked at. */
  readonly symbols: ReadonlySet<string>;
}

const READS_AT_ONCE = 16;
const NOTHING: JudgedWindow = {
  expected: { applied: '', rows: new Map(), repeatedIds: [] },
  stored: null,
  isClosed: true,
  isRight: true,
  hasLetters: false,
};

/** Compares one stretch of a shard's windows with everything that was stored of it. */
export async function compareStretch(deps: CompareDeps, stretch: LogStretch): Promise<ComparedStretch> {
  const { log, windows } = stretch;
  const { shard, partitions } = log;
  const found = await readStretch(deps, stretch);
  const tally = createTally();
  const judged = new Map<number, boolean>();
  const wrong: WrongWindow[] = [];

  for (const windowStartMs of found.starts) {
    const events = deps.candleLog.takeWindow(shard, windowStartMs);
    if (!deps.isWanted(shard, windowStartMs)) continue;
    const trades = windows.get(windowStartMs) ?? [];
    const stored = found.windows.get(windowStartMs) ?? null;
    const skippedBefore = skippedAsCut(tally);
    const verdict = compareWindow(
      {
        log,
        windowStartMs,
        trades,
        stored,
        isOpen: found.open.has(windowStartMs),
        isReached: deps.reached.windows(partitions),
        graceMs: deps.graceMs,
        isDead: (batch) => deps.dead.isMissed(batchIdOf(shard, batch), ['transform', 'aggregate']),
      },
      tally,
    );
    const isCut = skippedAsCut(tally) > skippedBefore || (stored === null && isBeforeLog(log, windowStartMs));
    if (verdict !== null) judged.set(windowStartMs, (verdict.stored?.incompleteVersion ?? 0) > 0);
    // No trade and no window: no candle either. Of a window that is not closed nobody has published them yet.
    const candlesOf =
      verdict?.isClosed === false
        ? null
        : (verdict ?? (stored === null && trades.length === 0 && !isCut ? NOTHING : null));
    deps.onWindow({
      shard,
      windowStartMs,
      trades: trades.map(recomputedTrade),
      candles: candlesOf === null ? new Map() : expectedCandles(candlesOf),
    });
    const candles = found.candles.get(windowStartMs) ?? new Map<string, Columns>();
    const wrongCandles =
      candlesOf === null
        ? []
        : compareCandles(
            {
              shard,
              windowStartMs,
              judged: candlesOf,
              found: candles,
              isReached: deps.reached.candles(partitions),
              isDead: () => deps.dead.areCandlesMissed(shard, windowStartMs),
            },
            tally,
          );
    const wrongEvents =
      candlesOf === null
        ? []
        : compareEvents(
            {
              shard,
              windowStartMs,
              judged: candlesOf,
              found: events,
              isCut: deps.candleLog.isCut(shard, windowStartMs),
            },
            tally,
          );
    const wrongTrades = compareTradesOf(
      deps,
      { shard, partitions, windowStartMs, trades, isCut },
      found,
      tally,
    );
    const isRight = verdict?.isRight ?? true;
    if (!isRight || wrongCandles.length + wrongEvents.length + wrongTrades.size > 0)
      wrong.push({
        shard,
        windowStartMs,
        judged: verdict ?? candlesOf,
        events,
        candles,
        wrongEvents,
        wrongCandles,
        wrongTrades,
      });
  }
  const isUnsure =
    !log.isWhole && (tally.counts().get('windows')?.skipped['changed during the audit'] ?? 0) > 0;
  return { tally, judged, wrong, isUnsure, symbols: found.symbols };
}

interface WindowTrades {
  readonly shard: string;
  readonly partitions: readonly number[];
  readonly windowStartMs: number;
  readonly trades: readonly PlacedTrade[];
  readonly isCut: boolean;
}

function compareTradesOf(
  { dead, reached }: CompareDeps,
  { shard, partitions, windowStartMs, trades, isCut }: WindowTrades,
  found: FoundStretch,
  tally: Tally,
): ReadonlyMap<string, WrongTrades> {
  const bySymbol = Map.groupBy(trades, ({ symbol }) => symbol);
  const wrong = new Map<string, WrongTrades>();
  for (const symbol of found.symbols) {
    const verdict = compareTrades(
      {
        shard,
        windowStartMs,
        symbol,
        trades: bySymbol.get(symbol) ?? [],
        found: found.trades.get(`${windowStartMs} ${symbol}`) ?? [],
        isReached: reached.trades(partitions),
        isCut,
        isDead: (trade) => dead.isMissed(batchIdOf(shard, trade), ['persist']),
      },
      tally,
    );
    if (verdict.missing.length + verdict.extra.length + verdict.different.length > 0)
      wrong.set(symbol, verdict);
  }
  return wrong;
}

function skippedAsCut(tally: Tally): number {
  const skipped = tally.counts().get('windows')?.skipped;
  return (skipped?.['cut by retention'] ?? 0) + (skipped?.['missing in the log'] ?? 0);
}

/** What the tables have of a stretch. */
interface FoundStretch {
  /** Every window start that the log or any table names, ascending. */
  readonly starts: readonly number[];
  readonly symbols: ReadonlySet<string>;
  readonly open: ReadonlySet<number>;
  readonly windows: ReadonlyMap<number, StoredWindow | null>;
  readonly candles: ReadonlyMap<number, ReadonlyMap<string, Columns>>;
  /** By window start and symbol. */
  readonly trades: ReadonlyMap<string, readonly StoredTrade[]>;
}

async function readStretch(deps: CompareDeps, { log, startMs, windows }: LogStretch): Promise<FoundStretch> {
  const { shard } = log;
  const toMs = startMs + STRETCH_MS;
  const known = [...new Set([...windows.keys(), ...deps.windowsIn(shard, startMs, toMs)])];
  // The open list first: what moves on while it is read is then newer in the windows, never older.
  const { open } = await deps.stored.shard(shard);
  const stored = new Map<number, StoredWindow | null>();
  const reads = pLimit(READS_AT_ONCE);
  await reads.map(known, async (windowStartMs) => {
    stored.set(windowStartMs, await deps.stored.window(shard, windowStartMs));
  });
  const symbols = new Set<string>();
  for (const trades of windows.values()) for (const { symbol } of trades) symbols.add(symbol);
  for (const window of stored.values()) for (const symbol of window?.rows.keys() ?? []) symbols.add(symbol);

  const candles = new Map<number, Map<string, Columns>>();
  const range = { feed: feedOf(shard), shard, fromMs: startMs, toMs };
  for (const { symbol, timeMs, columns } of await deps.stored.candles(range)) {
    const window = candles.get(timeMs) ?? new Map<string, Columns>();
    candles.set(timeMs, window.set(symbol, columns));
    symbols.add(symbol);
  }
  const trades: ReadonlyMap<string, readonly StoredTrade[]> = Map.groupBy(
    await deps.stored.trades(range),
    ({ symbol, timeMs }) => `${startOf(timeMs, WINDOW_MS)} ${symbol}`,
  );
  for (const [first] of trades.values()) if (first !== undefined) symbols.add(first.symbol);
  const ofTrades = [...trades.keys()].map((key) => Number(key.split(' ')[0]));
  const starts = [...new Set([...known, ...candles.keys(), ...ofTrades])].toSorted((a, b) => a - b);
  return { starts, symbols, open, windows: stored, candles, trades };
}
