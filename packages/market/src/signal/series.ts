import {
  INDICATORS_START,
  type IndicatorPeriods,
  indicatorValues,
  pushWindow,
} from '../indicator/indicators.ts';
import { pushRing } from '../indicator/moving-average.ts';
import { type Signal, signalId } from './signal-batch.ts';
import { WINDOW_MS } from '../window/window.ts';
import { type Finding, evaluate, evaluateSilence, type WindowView } from './findings.ts';
import { concerns, type Rule, VOLUME_WINDOWS } from './rules.ts';
import type { RowCandle, RuleMemory, SeriesState } from './series-state.ts';

/** Settings of all series; the same for every symbol. */
export interface SeriesSettings {
  readonly periods: IndicatorPeriods;
  readonly maxRepeatedWindows: number;
  readonly rules: readonly Rule[];
}

/** A signal before it has a version. */
export type FoundSignal = Omit<Signal, 'version' | 'state'>;

/** A symbol's series one window further. */
export interface Step {
  readonly state: SeriesState;
  readonly repeated: number;
  readonly restarted: boolean;
  readonly found: readonly FoundSignal[];
}

/** A symbol and a window. */
export interface Place {
  readonly symbol: string;
  readonly windowStartMs: number;
}

/**
 * The series after a window with trades. Pure: the same series, candle and rules give the same bytes.
 *
 * Windows without a trade since the series' last repeat its last close, up to `maxRepeatedWindows`; after more
 * of them, or when the periods were changed, the series starts again here and remembers nothing.
 */
export function stepSeries(
  before: SeriesState | null,
  candle: RowCandle,
  place: Place,
  settings: SeriesSettings,
): Step {
  const { periods } = settings;
  const key = periodsKey(periods);
  const missing = before === null ? 0 : missingBetween(before.lastStartMs, place.windowStartMs);
  const continued =
    before !== null && missing <= settings.maxRepeatedWindows && before.periods === key ? before : null;
  let indicators = continued?.indicators ?? INDICATORS_START;
  let volumes = continued?.volumes ?? [];
  const closeBefore = indicators.closes.at(-1) ?? null;
  if (closeBefore !== null) {
    const repeat = { close: closeBefore, high: closeBefore, low: closeBefore };
    for (let window = 0; window < missing; window++) {
      indicators = pushWindow(indicators, repeat, periods);
      volumes = pushRing(volumes, 0, VOLUME_WINDOWS);
    }
  }
  const atrBefore = indicatorValues(indicators, periods).atr ?? null;
  indicators = pushWindow(indicators, candle, periods);
  const view: WindowView = {
    symbol: place.symbol,
    candle,
    values: indicatorValues(indicators, periods),
    closeBefore,
    atrBefore,
    volumesBefore: volumes,
  };
  const judged = judge(continued?.rules ?? {}, place, candle.lastTradeMs, settings.rules, (rule, memory) =>
    evaluate(rule, view, memory),
  );
  return {
    state: {
      periods: key,
      lastStartMs: place.windowStartMs,
      lastTradeMs: candle.lastTradeMs,
      indicators,
      volumes: pushRing(volumes, candle.volume, VOLUME_WINDOWS),
      rules: judged.rules,
    },
    repeated: continued === null ? 0 : missing,
    restarted: continued === null,
    found: judged.found,
  };
}

/**
 * The series in a window of its shard that holds no trade of it: as before, but for what silence rules
 * remember. A series that would start again with its next trade gives no more signals.
 */
export function stepSilent(before: SeriesState, place: Place, settings: SeriesSettings): Step {
  // This window is without a trade too.
  const missing = missingBetween(before.lastStartMs, place.windowStartMs) + 1;
  const rules = missing > settings.maxRepeatedWindows + 1 ? [] : settings.rules;
  const judged = judge(before.rules, place, before.lastTradeMs, rules, (rule, memory) =>
    rule.kind === 'silence'
      ? evaluateSilence(rule, place.symbol, missing, memory)
      : { finding: null, memory },
  );
  // With nothing to tell the row stands for nothing: whoever continues from it continues from the row before.
  const state = judged.found.length === 0 ? before : { ...before, rules: judged.rules };
  return { state, repeated: missing, restarted: false, found: judged.found };
}

function missingBetween(lastStartMs: number, startMs: number): number {
  return (startMs - lastStartMs) / WINDOW_MS - 1;
}

function periodsKey(periods: IndicatorPeriods): string {
  return Object.values(periods).join(',');
}

/** Lets every rule that concerns the symbol evaluate, and its finding pass unless the rule is cooling down. */
function judge(
  memories: Readonly<Record<string, RuleMemory>>,
  { symbol, windowStartMs }: Place,
  causedAtMs: number,
  rules: readonly Rule[],
  lookBy: (
    rule: Rule,
    memory: RuleMemory,
  ) => { readonly finding: Finding | null; readonly memory: RuleMemory },
): { readonly rules: Readonly<Record<string, RuleMemory>>; readonly found: readonly FoundSignal[] } {
  const next: Record<string, RuleMemory> = {};
  const found: FoundSignal[] = [];
  for (const rule of rules) {
    if (!concerns(rule, symbol)) continue;
    const known = memories[rule.name] ?? {};
    const isQuiet = windowStartMs < (known.quietUntilMs ?? Number.NEGATIVE_INFINITY);
    // What is over is forgotten, so that series which differ only in their past become equal again.
    const { quietUntilMs, ...place } = known;
    const { finding, memory } = lookBy(rule, place);
    const isTold = finding !== null && !isQuiet;
    const quiet = isTold ? windowStartMs + rule.coolDownMs : isQuiet ? quietUntilMs : undefined;
    const kept: RuleMemory = quiet === undefined ? memory : { ...memory, quietUntilMs: quiet };
    if (Object.keys(kept).length > 0) next[rule.name] = kept;
    if (!isTold) continue;
    const named = { rule: rule.name, symbol, windowStartMs };
    found.push({ id: signalId(named), ...named, ...finding, causedAtMs });
  }
  return { rules: next, found };
}
