import {
  periodStartOf,
  ROLLUP_LEVELS,
  type RollupLevel,
  rollUp,
  type ViewCandle,
} from '@kandle/market/candle/rollup';
import { describeError } from '@kandle/runtime/errors';
import type { Logger } from '@kandle/runtime/log';
import { createRunAll } from '@kandle/runtime/run-all';
import { partsOf } from '@kandle/market/event/parts';
import type { PendingMark, Period, RollupStore } from './rollup-store.ts';

/** Final candles of one event that were stored: of one window of a shard. */
export interface ClosedCandles {
  readonly shard: string;
  readonly feed: string;
  readonly event: string;
  readonly windowStartMs: number;
  readonly symbols: readonly string[];
}

/** Rolls candles up to longer ones, a little later and many at once. */
export interface Rollups {
  /** Notes candles whose rows are durable. Resolves when the note is durable, too: then their event is done. */
  note(closed: ClosedCandles): Promise<void>;
  /** Rolls up what earlier processes did not finish, and from now on what is due, in the background. */
  start(): void;
  /** Rolls up everything that is pending. What fails is left to the next process. */
  close(): Promise<void>;
}

/** When candles are rolled up. */
export interface RollupOptions {
  /** Name of this process, unlike any other's. */
  readonly process: string;
  /** How long after a shard's last event its minute is rolled up, though it may not be over. */
  readonly idleMs: number;
  /** Statements under way at once. */
  readonly concurrency: number;
  /** Symbols of minutes that may be pending; with more, events wait. */
  readonly maxPending: number;
  /** Monotonic milliseconds, and wall clock in microseconds that never goes back within a process. */
  readonly nowMs: () => number;
  readonly nowUs: () => bigint;
  readonly log: Pick<Logger, 'warn'>;
}

interface Pending {
  readonly shard: string;
  readonly feed: string;
  readonly minuteMs: number;
  readonly symbols: Set<string>;
  /** Notes of other processes, to be removed when they are so old that their process is gone. */
  readonly foreign: PendingMark[];
}

/** A note of this age was not made by a process that still runs. */
const ABANDONED_MS = 3_600_000;
const [MINUTE_LEVEL] = ROLLUP_LEVELS as readonly [RollupLevel, ...RollupLevel[]];
/** Symbols that are read and written at once: a day's parts of so many are 2,400 rows. */
const SYMBOLS_AT_ONCE = 100;

/**
 * Rollups over a store.
 *
 * A minute is rolled up when its shard has come to a later one, or has been silent for a while: once a minute
 * and symbol and not with each of its 12 windows, which would cost 12 times as much. Until then the store holds
 * a note of it, so that the process that follows a killed one does the work.
 *
 * Exact in any order, with any number of processes: whoever rolls up has read after the last of its own writes,
 * so that the last of all writers sees every part, and the sum of the parts' versions, by which it is stored,
 * is then larger than any that saw less. A level is read only after the one below it was written, and so the
 * same holds for each.
 */
export function createRollups(store: RollupStore, options: RollupOptions): Rollups {
  const { process, idleMs, maxPending, nowMs, nowUs, log } = options;
  const runAll = createRunAll(options.concurrency);
  let pending = new Map<string, Pending>();
  let pendingSymbols = 0;
  /** Notes that are being written: their candles are not pending yet. */
  const marking = new Set<{ readonly atUs: bigint }>();
  const shards = new Map<string, { newestMinuteMs: number; notedAtMs: number }>();
  /** When the notes of others are read: at the start, and again while some may be of a process that is gone. */
  let takeOverAtMs = Number.NEGATIVE_INFINITY;
  let isClosing = false;
  let running: Promise<void> | null = null;
  let timer: NodeJS.Timeout | null = null;

  function add({ shard, feed, minuteMs, symbols, foreign }: Pending): void {
    const key = `${shard}|${minuteMs}`;
    let entry = pending.get(key);
    if (entry === undefined) {
      entry = { shard, feed, minuteMs, symbols: new Set(), foreign: [] };
      pending.set(key, entry);
    }
    const before = entry.symbols.size;
    for (const symbol of symbols) entry.symbols.add(symbol);
    pendingSymbols += entry.symbols.size - before;
    entry.foreign.push(...foreign);
    const seen = shards.get(shard);
    const newestMinuteMs = Math.max(minuteMs, seen?.newestMinuteMs ?? minuteMs);
    shards.set(shard, { newestMinuteMs, notedAtMs: nowMs() });
  }

  function isDue({ shard, minuteMs }: Pending): boolean {
    const seen = shards.get(shard);
    return seen === undefined || minuteMs < seen.newestMinuteMs || nowMs() - seen.notedAtMs >= idleMs;
  }

  /** Takes what is due out of the pending, rolls it up, and puts it back if that fails. One at a time. */
  function run(isWanted: (entry: Pending) => boolean): Promise<void> {
    running = (running ?? Promise.resolve())
      .catch(() => undefined)
      .then(async () => {
        const due = [...pending.values()].filter(isWanted);
        if (due.length === 0) return;
        const dueSet = new Set(due);
        pending = new Map([...pending].filter(([, entry]) => !dueSet.has(entry)));
        for (const { symbols } of due) pendingSymbols -= symbols.size;
        try {
          await rollUpAll(due);
        } catch (error) {
          for (const entry of due) add(entry);
          throw error;
        }
      });
    return running;
  }

  async function rollUpAll(due: readonly Pending[]): Promise<void> {
    // Later notes may be about rows that are not read below, or about symbols that are not due here.
    let cutUs = nowUs();
    for (const { atUs } of marking) if (atUs <= cutUs) cutUs = atUs - 1n;
    for (const level of ROLLUP_LEVELS)
      await runAll(periodsOf(due, level), (period) => rollUpPeriod(level, period));
    const marks = due.flatMap(({ shard, minuteMs, foreign }) => [
      { shard, process, minuteMs },
      ...foreign.filter(({ madeAtMs }) => Number(cutUs / 1_000n) - madeAtMs > ABANDONED_MS),
    ]);
    await runAll(marks, (mark) => store.unmark(mark, cutUs));
  }

  async function rollUpPeriod(level: RollupLevel, period: Period): Promise<void> {
    const candles = new Map<string, ViewCandle>();
    for (const [symbol, parts] of await store.readParts(level, period)) {
      const candle = rollUp(period.startMs, parts);
      if (candle !== null) candles.set(symbol, candle);
    }
    if (candles.size > 0) await store.write(level, period.shard, candles);
  }

  function hasTakenOver(): boolean {
    return takeOverAtMs !== Number.NEGATIVE_INFINITY;
  }

  async function takeOver(): Promise<void> {
    const marks = (await store.readMarks()).filter((mark) => mark.process !== process);
    for (const mark of marks) add({ ...mark, symbols: new Set(mark.symbols), foreign: [mark] });
    takeOverAtMs = marks.length > 0 ? nowMs() + ABANDONED_MS : Number.POSITIVE_INFINITY;
  }

  function schedule(delayMs: number): void {
    if (isClosing) return;
    timer ??= setTimeout(() => {
      timer = null;
      void tick();
    }, delayMs);
  }

  async function tick(): Promise<void> {
    try {
      if (nowMs() >= takeOverAtMs) await takeOver();
      await run(isDue);
    } catch (error) {
      log.warn(`Cannot roll up yet, will try again: ${describeError(error)}`);
    }
    if (pending.size > 0 || !hasTakenOver()) schedule(idleMs / 4);
  }

  return {
    async note({ shard, feed, event, windowStartMs, symbols }) {
      const minuteMs = periodStartOf(windowStartMs, MINUTE_LEVEL);
      const atUs = nowUs();
      const madeAtMs = Number(atUs / 1_000n);
      const note = { atUs };
      marking.add(note);
      let isLater: boolean;
      try {
        await store.mark({ shard, process, minuteMs, event, feed, symbols, madeAtMs }, atUs);
        isLater = minuteMs > (shards.get(shard)?.newestMinuteMs ?? minuteMs);
        add({ shard, feed, minuteMs, symbols: new Set(symbols), foreign: [] });
      } finally {
        marking.delete(note);
      }
      if (pendingSymbols > maxPending) await run(() => true);
      else if (isLater && timer !== null) {
        clearTimeout(timer);
        timer = null;
        schedule(0);
      } else schedule(idleMs / 4);
    },
    // Not at once: the first event comes before the unfinished work of others.
    start: () => schedule(idleMs / 4),
    async close() {
      isClosing = true;
      if (timer !== null) clearTimeout(timer);
      try {
        if (!hasTakenOver()) await takeOver();
        await run(() => true);
      } catch (error) {
        log.warn(`Cannot roll up before the end, the next process will: ${describeError(error)}`);
      }
    },
  };
}

/** The periods of a level that hold minutes, each once, with all their symbols, so many at a time. */
function periodsOf(due: readonly Pending[], level: RollupLevel): readonly Period[] {
  const symbolsOf = new Map<string, { shard: string; startMs: number; symbols: Set<string> }>();
  for (const { shard, minuteMs, symbols } of due) {
    const startMs = periodStartOf(minuteMs, level);
    const key = `${shard}|${startMs}`;
    const known = symbolsOf.get(key);
    if (known === undefined) symbolsOf.set(key, { shard, startMs, symbols: new Set(symbols) });
    else for (const symbol of symbols) known.symbols.add(symbol);
  }
  return [...symbolsOf.values()].flatMap(({ shard, startMs, symbols }) =>
    partsOf([...symbols], SYMBOLS_AT_ONCE).map((part) => ({ shard, startMs, symbols: part })),
  );
}
