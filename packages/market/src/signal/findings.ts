import type { IndicatorValues } from '../indicator/indicators.ts';
import type { SignalSide } from './signal-batch.ts';
import type { Rule, RuleOf } from './rules.ts';
import type { RuleMemory, RowCandle } from './series-state.ts';

/** What a rule sees of a window with trades. */
export interface WindowView {
  readonly symbol: string;
  readonly candle: RowCandle;
  readonly values: IndicatorValues;
  /** The close and the average true range of the window before; null where the series starts. */
  readonly closeBefore: number | null;
  readonly atrBefore: number | null;
  /** Volumes of the windows before, oldest first. */
  readonly volumesBefore: readonly number[];
}

/** What a rule found, before it is known whether it may say so. */
export interface Finding {
  readonly side: SignalSide;
  readonly strength: number;
  readonly numbers: Readonly<Record<string, number>>;
  readonly text: string;
}

/** What a rule found and what it remembers; the same memory object if nothing changed. */
export interface Evaluation {
  readonly finding: Finding | null;
  readonly memory: RuleMemory;
}

/** Looks at a window with trades by one rule. Pure; a flat series never makes a finding. */
export function evaluate(rule: Rule, view: WindowView, memory: RuleMemory): Evaluation {
  switch (rule.kind) {
    case 'moving-average-cross':
      return evaluateCross(rule, view, memory);
    case 'rsi':
      return evaluateRsi(rule, view, memory);
    case 'price-jump':
      return { finding: findJump(rule, view), memory };
    case 'volume-spike':
      return { finding: findSpike(rule, view), memory };
    case 'news-sentiment':
      return evaluateNews(rule, view, memory);
    default:
      // A silence rule, and the symbol trades: there is nothing to tell, and nothing that was told any more.
      return { finding: null, memory: withoutPlace(memory) };
  }
}

/** Looks at a window of the shard in which the symbol did not trade. */
export function evaluateSilence(
  rule: RuleOf<'silence'>,
  symbol: string,
  missing: number,
  memory: RuleMemory,
): Evaluation {
  if (missing < rule.windows || memory.place !== undefined) return { finding: null, memory };
  const finding: Finding = {
    side: 'neutral',
    strength: Math.min(1, missing / (2 * rule.windows)),
    numbers: { windows: missing },
    text: `${symbol} has not traded for ${missing * 5} seconds, while others did.`,
  };
  return { finding, memory: { ...memory, place: 'below' } };
}

function withoutPlace(memory: RuleMemory): RuleMemory {
  const { place, ...rest } = memory;
  return place === undefined ? memory : rest;
}

const LINE_NAMES = {
  close: 'the price',
  sma: 'the simple average',
  ema: 'the exponential average',
  macd: 'MACD',
  macd_signal: "MACD's signal line",
  bollinger_middle: 'the middle Bollinger band',
} as const;

function evaluateCross(
  rule: RuleOf<'moving-average-cross'>,
  { symbol, candle, values }: WindowView,
  memory: RuleMemory,
): Evaluation {
  const lines = { ...values, close: candle.close };
  const [fast, slow] = [lines[rule.fast], lines[rule.slow]];
  if (fast === undefined || slow === undefined) return { finding: null, memory };
  const distance = fast - slow;
  if (Math.abs(distance) <= rule.margin * Math.abs(candle.close)) return { finding: null, memory };
  const place = distance > 0 ? 'above' : 'below';
  if (memory.place === place) return { finding: null, memory };
  const next = { ...memory, place } as const;
  if (memory.place === undefined) return { finding: null, memory: next };
  const finding: Finding = {
    side: distance > 0 ? 'buy' : 'sell',
    strength: ratio(Math.abs(distance), values.atr),
    numbers: { fast, slow, close: candle.close },
    text: `${symbol}: ${LINE_NAMES[rule.fast]} (${show(fast)}) crossed ${place} ${LINE_NAMES[rule.slow]} (${show(slow)}) at ${show(candle.close)}.`,
  };
  return { finding, memory: next };
}

function evaluateRsi(
  rule: RuleOf<'rsi'>,
  { symbol, candle, values }: WindowView,
  memory: RuleMemory,
): Evaluation {
  const { rsi, atr } = values;
  // A series without any movement has RSI 50 and no range: neither bound may be set so that it tells of that.
  if (rsi === undefined || atr === 0) return { finding: null, memory };
  if (rsi >= rule.over && memory.place !== 'above') {
    const finding: Finding = {
      side: 'sell',
      strength: rule.over === 100 ? 1 : (rsi - rule.over) / (100 - rule.over),
      numbers: { rsi, close: candle.close },
      text: `${symbol} is overbought: RSI ${show(rsi, 3)} is at or above ${rule.over}, at ${show(candle.close)}.`,
    };
    return { finding, memory: { ...memory, place: 'above' } };
  }
  if (rsi <= rule.under && memory.place !== 'below') {
    const finding: Finding = {
      side: 'buy',
      strength: rule.under === 0 ? 1 : (rule.under - rsi) / rule.under,
      numbers: { rsi, close: candle.close },
      text: `${symbol} is oversold: RSI ${show(rsi, 3)} is at or below ${rule.under}, at ${show(candle.close)}.`,
    };
    return { finding, memory: { ...memory, place: 'below' } };
  }
  const isBack =
    (memory.place === 'above' && rsi <= rule.over - rule.back) ||
    (memory.place === 'below' && rsi >= rule.under + rule.back);
  return { finding: null, memory: isBack ? withoutPlace(memory) : memory };
}

function findJump(
  rule: RuleOf<'price-jump'>,
  { symbol, candle, closeBefore, atrBefore }: WindowView,
): Finding | null {
  if (closeBefore === null || atrBefore === null || atrBefore === 0) return null;
  const change = candle.close - closeBefore;
  const ranges = Math.abs(change) / atrBefore;
  if (ranges < rule.ranges) return null;
  return {
    side: change > 0 ? 'buy' : 'sell',
    strength: Math.min(1, ranges / (2 * rule.ranges)),
    numbers: { change, atr: atrBefore, ranges, close: candle.close },
    text: `${symbol} jumped ${change > 0 ? 'up' : 'down'} by ${show(Math.abs(change))} to ${show(candle.close)}, ${show(ranges, 3)} times its average range.`,
  };
}

function findSpike(
  rule: RuleOf<'volume-spike'>,
  { symbol, candle, volumesBefore }: WindowView,
): Finding | null {
  const before = volumesBefore.slice(-rule.windows);
  const mean = before.reduce((sum, volume) => sum + volume, 0) / rule.windows;
  if (before.length < rule.windows || mean === 0) return null;
  const times = candle.volume / mean;
  if (times < rule.times) return null;
  return {
    side: 'neutral',
    strength: Math.min(1, times / (2 * rule.times)),
    numbers: { volume: candle.volume, mean, times },
    text: `${symbol} traded ${show(candle.volume)} in 5 seconds, ${show(times, 3)} times its usual ${show(mean)}.`,
  };
}

function evaluateNews(
  rule: RuleOf<'news-sentiment'>,
  { symbol, candle: { close, sentiment } }: WindowView,
  memory: RuleMemory,
): Evaluation {
  if (sentiment === null || sentiment.news < rule.news)
    return { finding: null, memory: withoutPlace(memory) };
  const { mean, news } = sentiment;
  const place = mean >= rule.over ? 'above' : mean <= rule.under ? 'below' : undefined;
  if (place === undefined) return { finding: null, memory: withoutPlace(memory) };
  if (place === memory.place) return { finding: null, memory };
  const finding: Finding = {
    side: place === 'above' ? 'buy' : 'sell',
    strength: Math.min(1, Math.abs(mean)),
    numbers: { sentiment: mean, news, close },
    text: `${symbol}: the news of the last hour is ${place === 'above' ? 'good' : 'bad'} (sentiment ${show(mean, 3)} of ${news}), at ${show(close)}.`,
  };
  return { finding, memory: { ...memory, place } };
}

/** A share of an indicator as a strength; 1 where the indicator is not warm or is 0. */
function ratio(value: number, whole: number | undefined): number {
  return whole === undefined || whole === 0 ? 1 : Math.min(1, value / whole);
}

/** A number with as many digits as a reader wants, the same on every machine. */
function show(value: number, digits = 8): string {
  return String(Number(value.toPrecision(digits)));
}
