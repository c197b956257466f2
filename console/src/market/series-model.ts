import type { IndicatorKind } from '@kandle/market/indicator/indicators';
import * as z from 'zod/mini';
import {
  askRows,
  type CandleRow,
  CandleSchema,
  GapSchema,
  type GapRow,
  type IndicatorRow,
  IndicatorSchema,
  type Series,
  type SignalRow,
  SignalSchema,
} from '../api.ts';
import { type Interval, SHORTEST } from './intervals.ts';
import { computeLines, LINE_GROUPS, storedName } from './lines.ts';
import { createVersionedRows, type VersionedRows } from './versioned-rows.ts';

/** All that is known of one series at one interval, and what is read of it. */
export interface SeriesModel extends Series {
  readonly interval: Interval;
  readonly candles: VersionedRows<CandleRow>;
  /** Ascending; the same array until one comes. */
  signals(): readonly SignalRow[];
  /** Ascending; the same array until one comes. */
  gaps(): readonly GapRow[];
  /** The rows of a line; they change only as candles do where none are stored. */
  line(kind: IndicatorKind): VersionedRows<IndicatorRow>;
  /** Reads the newest candles, and what belongs to them. @param newestMs Time of the newest trade. */
  load(newestMs: number): Promise<void>;
  /** Reads what came before. @returns False if nothing did. */
  loadOlder(): Promise<boolean>;
  /** Reads a stretch of candles again. */
  reload(fromMs: number, toMs: number): Promise<void>;
  /** Reads a stretch again with all that belongs to its candles. */
  reloadAll(fromMs: number, toMs: number): Promise<void>;
  /** Reads the stored lines that are shown and not known yet. */
  loadLines(kinds: readonly IndicatorKind[]): Promise<void>;
  /** Takes what was streamed of this series. @returns True if something is to be drawn. */
  takeStreamed(kind: string, rows: readonly unknown[]): boolean;
  /** The stretch of longer candles that streamed ones fall into: to be read again when it is rolled up. */
  takeDirty(nowMs: number): { readonly fromMs: number; readonly toMs: number } | null;
}

/** A row that takes a candle back, and one that was filled in, are not drawn. */
const isDrawable = ({ state, open, high, low, close, trade_count: trades }: CandleRow): boolean =>
  state !== 'void' && trades > 0 && open !== null && high !== null && low !== null && close !== null;

/** Rollups are written a little later than their parts; for this long they are looked at again. */
const DIRTY_MS = 20_000;
const AHEAD_MS = 15 * 60_000;
/** How far back is looked for older candles when a stretch holds none: a night, a weekend. */
const OLDER_STEPS = [1, 8, 64];

const StreamedIndicatorSchema = z.extend(IndicatorSchema, { name: z.string() });

/** Builds the model of a series; nothing is read yet. */
export function createSeriesModel({ feed, symbol }: Series, interval: Interval): SeriesModel {
  const series = { feed, symbol };
  const candles = createVersionedRows(isDrawable);
  const lines = new Map<IndicatorKind, VersionedRows<IndicatorRow>>();
  const loaded = new Set<IndicatorKind>();
  const signals = new Map<string, SignalRow>();
  let sortedSignals: readonly SignalRow[] | null = [];
  const gaps = new Map<string, GapRow>();
  let sortedGaps: readonly GapRow[] | null = [];
  const dirty = new Map<number, number>();
  const isShortest = interval.name === SHORTEST.name;
  const kindOfName = new Map(
    LINE_GROUPS.flatMap(({ kinds }) => kinds).map((kind) => [storedName(kind), kind] as const),
  );
  let fromMs = 0;
  let toMs = 0;
  let computed = 0;
  let isBeginning = false;

  function line(kind: IndicatorKind): VersionedRows<IndicatorRow> {
    let rows = lines.get(kind);
    if (rows === undefined) {
      rows = createVersionedRows<IndicatorRow>(() => true);
      lines.set(kind, rows);
    }
    return rows;
  }

  /** Where no lines are stored they are made of the candles that are loaded. */
  function compute(): void {
    if (isShortest) return;
    computed += 1;
    for (const [kind, rows] of computeLines(candles.shown()))
      line(kind).take(rows.map((row) => ({ ...row, version: computed })));
  }

  async function readCandles(range: { readonly from: number; readonly to: number }): Promise<number> {
    const rows = await askRows(CandleSchema, '/v1/candles', { ...series, interval: interval.name, ...range });
    if (candles.take(rows).length > 0) compute();
    return rows.length;
  }

  async function readBeside(range: { readonly from: number; readonly to: number }): Promise<void> {
    const [foundSignals, foundGaps] = await Promise.all([
      askRows(SignalSchema, '/v1/signals', { ...series, ...range }),
      askRows(GapSchema, '/v1/gaps', { feed: series.feed, ...range }),
    ]);
    takeSignals(foundSignals);
    for (const gap of foundGaps) gaps.set(`${gap.from_time} ${gap.shard} ${gap.reason}`, gap);
    sortedGaps = null;
  }

  function takeSignals(rows: readonly SignalRow[]): boolean {
    let isNew = false;
    for (const row of rows) {
      const key = `${row.start} ${row.rule}`;
      if (row.symbol !== series.symbol || (signals.get(key)?.version ?? 0) >= row.version) continue;
      signals.set(key, row);
      isNew = true;
    }
    if (isNew) sortedSignals = null;
    return isNew;
  }

  async function readLines(
    kinds: Iterable<IndicatorKind>,
    range: { readonly from: number; readonly to: number },
  ): Promise<void> {
    if (!isShortest) return;
    await Promise.all(
      Array.from(kinds, async (kind) =>
        line(kind).take(
          await askRows(IndicatorSchema, '/v1/indicators', { ...series, name: storedName(kind), ...range }),
        ),
      ),
    );
  }

  async function readAll(range: { readonly from: number; readonly to: number }): Promise<number> {
    const [count] = await Promise.all([readCandles(range), readBeside(range), readLines(loaded, range)]);
    return count;
  }

  return {
    ...series,
    interval,
    candles,
    line,
    signals: () => (sortedSignals ??= [...signals.values()].toSorted((a, b) => a.start - b.start)),
    gaps: () => (sortedGaps ??= [...gaps.values()].toSorted((a, b) => a.from_time - b.from_time)),
    async load(newestMs) {
      toMs = newestMs + AHEAD_MS;
      fromMs = newestMs - interval.bars * interval.periodMs;
      await readAll({ from: fromMs, to: toMs });
    },
    async loadOlder() {
      if (isBeginning || fromMs === 0) return false;
      for (const step of OLDER_STEPS) {
        const range = { from: Math.max(0, fromMs - step * interval.bars * interval.periodMs), to: fromMs };
        const count = await readAll(range);
        fromMs = range.from;
        if (count > 0) return true;
      }
      isBeginning = true;
      return false;
    },
    async reload(from, to) {
      await readCandles({ from, to });
    },
    async reloadAll(from, to) {
      await readAll({ from, to });
    },
    async loadLines(kinds) {
      const missing = kinds.filter((kind) => !loaded.has(kind));
      for (const kind of missing) loaded.add(kind);
      if (fromMs === 0) return;
      try {
        await readLines(missing, { from: fromMs, to: toMs });
      } catch (error) {
        for (const kind of missing) loaded.delete(kind);
        throw error;
      }
    },
    takeStreamed(kind, rows) {
      if (kind === 'signals')
        return takeSignals(rows.flatMap((row) => z.safeParse(SignalSchema, row).data ?? []));
      if (kind === 'candles') {
        const parsed = rows.flatMap((row) => z.safeParse(CandleSchema, row).data ?? []);
        if (isShortest) return candles.take(parsed).length > 0;
        for (const { start, state } of parsed)
          if (state !== 'provisional') dirty.set(start - (start % interval.periodMs), Date.now());
        return false;
      }
      if (kind !== 'indicators' || !isShortest) return false;
      let isNew = false;
      for (const row of rows) {
        const { data } = z.safeParse(StreamedIndicatorSchema, row);
        if (data === undefined) continue;
        const { name, ...value } = data;
        const known = kindOfName.get(name);
        if (known !== undefined && line(known).take([value]).length > 0) isNew = true;
      }
      return isNew;
    },
    takeDirty(nowMs) {
      const periods = [...dirty.keys()];
      if (periods.length === 0) return null;
      for (const [period, atMs] of dirty) if (nowMs - atMs > DIRTY_MS) dirty.delete(period);
      return { fromMs: Math.min(...periods), toMs: Math.max(...periods) + interval.periodMs };
    },
  };
}
