import { z } from 'zod';
import { type IndicatorState, IndicatorStateSchema } from '../indicator/indicators.ts';
import { type Signal, SignalSchema } from './signal-batch.ts';

/** The sentiment of a symbol's news: the mean of the rated items, from -1 to 1, and how many there are. */
export interface Sentiment {
  readonly mean: number;
  readonly news: number;
}

/**
 * The part of a candle that a state is computed from, as doubles. `version` is the candle's. `sentiment` is
 * what was known when the symbol's row was first made; it stays with the row, so that every repeat and
 * recomputation says the same.
 */
export interface RowCandle {
  readonly version: number;
  readonly close: number;
  readonly high: number;
  readonly low: number;
  readonly volume: number;
  readonly lastTradeMs: number;
  readonly sentiment: Sentiment | null;
}

/** The part of a candle that a state is computed from, as JSON. */
export const RowCandleSchema: z.ZodType<RowCandle> = z.object({
  version: z.int(),
  close: z.number(),
  high: z.number(),
  low: z.number(),
  volume: z.number(),
  lastTradeMs: z.number(),
  sentiment: z.object({ mean: z.number(), news: z.int() }).nullable(),
});

/** What a rule remembers of a symbol from one window to the next. */
export interface RuleMemory {
  /** No signal of the rule before this time. */
  readonly quietUntilMs?: number;
  /** Where the rule last saw the series: a cross or bound that it has already told of. */
  readonly place?: 'above' | 'below';
}

/**
 * A symbol's series after a window: all that the next window continues from, as plain JSON of bounded size.
 *
 * `periods` says with which periods it was made. `volumes` holds the last windows' volumes, oldest first.
 */
export interface SeriesState {
  readonly periods: string;
  readonly lastStartMs: number;
  readonly lastTradeMs: number;
  readonly indicators: IndicatorState;
  readonly volumes: readonly number[];
  readonly rules: Readonly<Record<string, RuleMemory>>;
}

/** A symbol's series as JSON. */
export const SeriesStateSchema: z.ZodType<SeriesState> = z.object({
  periods: z.string(),
  lastStartMs: z.number(),
  lastTradeMs: z.number(),
  indicators: IndicatorStateSchema,
  volumes: z.array(z.number()),
  rules: z.record(
    z.string(),
    z.object({
      quietUntilMs: z.number().exactOptional(),
      place: z.enum(['above', 'below']).exactOptional(),
    }),
  ),
});

/** Which state a row was made from: its window, and the version at which it last changed. */
export interface Basis {
  readonly startMs: number;
  readonly stateVersion: number;
}

/**
 * A symbol in a window.
 *
 * `version` is the window's version that last changed the row, `stateVersion` the one that last changed its
 * state, which is what the next window's row is made from. `candle` is null in a row that only says that a
 * symbol was silent. `basis` is null where no earlier row was near enough. `repeated` and `restarted`: see
 * `SymbolIndicators`.
 */
export interface StateRow {
  readonly version: number;
  readonly stateVersion: number;
  readonly candle: RowCandle | null;
  readonly basis: Basis | null;
  readonly repeated: number;
  readonly restarted: boolean;
  readonly state: SeriesState;
  readonly signals: readonly Signal[];
}

/** A symbol in a window as JSON. */
export const StateRowSchema: z.ZodType<StateRow> = z.object({
  version: z.int(),
  stateVersion: z.int(),
  candle: RowCandleSchema.nullable(),
  basis: z.object({ startMs: z.int(), stateVersion: z.int() }).nullable(),
  repeated: z.int(),
  restarted: z.boolean(),
  state: SeriesStateSchema,
  signals: z.array(SignalSchema),
});

/**
 * The symbols of a shard's window.
 *
 * Version 0 is a window that was never written. `pending` is the version at which a recomputation of the
 * windows after this one began that is not known to be finished; 0 if there is none. `recomputedToMs` is the
 * start of the last of them up to which it has come, all right and published; null if nothing is known of that.
 */
export interface StateWindow {
  readonly version: number;
  readonly pending: number;
  readonly recomputedToMs: number | null;
  readonly rows: ReadonlyMap<string, StateRow>;
}

/** The state of a window that was never written. */
export const ABSENT: StateWindow = {
  version: 0,
  pending: 0,
  recomputedToMs: null,
  rows: new Map(),
};

/**
 * Orders bases: of two readings of the rows before, the later one. Rows are never taken away, so it only grows.
 */
export function compareBases(a: Basis | null, b: Basis | null): number {
  if (a === null || b === null) return (a === null ? 0 : 1) - (b === null ? 0 : 1);
  return a.startMs - b.startMs || a.stateVersion - b.stateVersion;
}
