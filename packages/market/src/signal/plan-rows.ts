import type { Signal } from './signal-batch.ts';
import { concerns } from './rules.ts';
import { type FoundSignal, type SeriesSettings, type Step, stepSeries, stepSilent } from './series.ts';
import {
  ABSENT,
  type Basis,
  compareBases,
  type RowCandle,
  type StateRow,
  type StateWindow,
} from './series-state.ts';

/** What a window is to be made right from. */
export interface PlanInput {
  readonly windowStartMs: number;
  /** The window and those before it that are near enough, ascending, as far as they exist. */
  readonly windows: ReadonlyMap<number, StateWindow>;
  /** Candles that have come for this window; a stored one of a higher version wins. */
  readonly candles: ReadonlyMap<string, RowCandle>;
  /** Symbols to look at beside those of the candles; null for all that a silence rule may concern. */
  readonly symbols: Iterable<string> | null;
  /** True if the windows were read after the last write from here. */
  readonly isFresh: boolean;
}

/** Rows to write, or `stale` if the window is made from something newer than what is known here. */
export type RowPlan = ReadonlyMap<string, StateRow> | 'stale';

/**
 * The rows of a window that must be written: those not made from the newest candle and the newest state before.
 *
 * Pure. A row is never made from an older state than it is made from already.
 */
export function planRows(input: PlanInput, settings: SeriesSettings): RowPlan {
  const { windowStartMs, candles } = input;
  const window = input.windows.get(windowStartMs) ?? ABSENT;
  const version = window.version + 1;
  const before = [...input.windows].filter(([startMs]) => startMs < windowStartMs).toReversed();
  const symbols = new Set([...candles.keys(), ...(input.symbols ?? silentCandidates(before, settings))]);
  const planned = new Map<string, StateRow>();
  for (const symbol of symbols) {
    const stored = window.rows.get(symbol);
    const candle = newest(stored?.candle ?? null, candles.get(symbol) ?? null);
    const found = before.find(([, { rows }]) => rows.has(symbol));
    const last = found?.[1].rows.get(symbol);
    const basis: Basis | null =
      found === undefined || last === undefined
        ? null
        : { startMs: found[0], stateVersion: last.stateVersion };
    if (stored !== undefined && compareBases(basis, stored.basis) < 0) {
      if (!input.isFresh || candle?.version !== stored.candle?.version) return 'stale';
      // What it was made from has expired, or is not everywhere yet: it is right as it is.
      continue;
    }
    if (
      stored !== undefined &&
      stored.candle?.version === candle?.version &&
      compareBases(basis, stored.basis) === 0
    )
      continue;
    const place = { symbol, windowStartMs };
    const step =
      candle !== null
        ? stepSeries(last?.state ?? null, candle, place, settings)
        : last !== undefined
          ? stepSilent(last.state, place, settings)
          : null;
    // A window in which a symbol was silent gets a row only to say so.
    if (step === null || (candle === null && stored === undefined && step.found.length === 0)) continue;
    planned.set(symbol, rowOf(step, { stored, candle, basis, version }));
  }
  return planned;
}

/** Symbols seen lately that a silence rule concerns. */
function silentCandidates(
  before: readonly (readonly [number, StateWindow])[],
  { rules }: SeriesSettings,
): ReadonlySet<string> {
  const silences = rules.filter((rule) => rule.kind === 'silence');
  const symbols = new Set<string>();
  if (silences.length === 0) return symbols;
  for (const [, { rows }] of before) for (const symbol of rows.keys()) symbols.add(symbol);
  for (const symbol of symbols) {
    if (!silences.some((rule) => concerns(rule, symbol))) symbols.delete(symbol);
  }
  return symbols;
}

function newest(stored: RowCandle | null, given: RowCandle | null): RowCandle | null {
  if (stored === null || given === null) return stored ?? given;
  return given.version > stored.version ? { ...given, sentiment: stored.sentiment } : stored;
}

interface RowParts {
  readonly stored: StateRow | undefined;
  readonly candle: RowCandle | null;
  readonly basis: Basis | null;
  readonly version: number;
}

function rowOf(step: Step, { stored, candle, basis, version }: RowParts): StateRow {
  // An equal state keeps its version: what was made from it is right as it is, and a recomputation ends here.
  const isSame = stored !== undefined && JSON.stringify(stored.state) === JSON.stringify(step.state);
  return {
    version,
    stateVersion: isSame ? stored.stateVersion : version,
    candle,
    basis,
    repeated: step.repeated,
    restarted: step.restarted,
    state: step.state,
    signals: mergeSignals(stored?.signals ?? [], step.found, version),
  };
}

/**
 * The signals of a row after it was made anew: what is no longer found is retracted, what is the same stays as
 * it was.
 */
function mergeSignals(
  stored: readonly Signal[],
  found: readonly FoundSignal[],
  version: number,
): readonly Signal[] {
  const foundIds = new Set(found.map(({ id }) => id));
  const gone = stored
    .filter(({ id }) => !foundIds.has(id))
    .map(
      (signal): Signal =>
        signal.state === 'retracted' ? signal : { ...signal, state: 'retracted', version },
    );
  const standing = found.map((signal): Signal => {
    const known = stored.find(({ id }) => id === signal.id);
    const next: Signal = { ...signal, state: 'active', version };
    return known !== undefined &&
      JSON.stringify({ ...next, version: known.version }) === JSON.stringify(known)
      ? known
      : next;
  });
  return [...gone, ...standing].toSorted((a, b) => (a.id < b.id ? -1 : 1));
}
