import { DEFAULT_PERIODS, indicatorValues } from '../indicator/indicators.ts';
import { WINDOW_MS } from '../window/window.ts';
import { expect, test } from 'vitest';
import { parseRules } from './rules.ts';
import { type FoundSignal, type SeriesSettings, stepSeries, stepSilent } from './series.ts';
import type { RowCandle, SeriesState } from './series-state.ts';

const BEGIN_MS = 1_700_000_000_000;

function settings(...rules: readonly object[]): SeriesSettings {
  return { periods: DEFAULT_PERIODS, maxRepeatedWindows: 12, rules: parseRules({ rules }, 12) };
}

function candle(close: number, volume = 1): RowCandle {
  return {
    version: 1,
    close,
    high: close + 0.5,
    low: close - 0.5,
    volume,
    lastTradeMs: BEGIN_MS,
    sentiment: null,
  };
}

/** Runs a series of closes, a null being a window without a trade, and says in which windows what was found. */
function run(
  series: readonly (number | RowCandle | null)[],
  made: SeriesSettings,
): {
  readonly found: readonly (FoundSignal & { readonly index: number })[];
  readonly state: SeriesState | null;
} {
  let state: SeriesState | null = null;
  const found: (FoundSignal & { readonly index: number })[] = [];
  for (const [index, value] of series.entries()) {
    if (value === null) continue;
    const place = { symbol: 'AAPL', windowStartMs: BEGIN_MS + index * WINDOW_MS };
    const step = stepSeries(state, typeof value === 'number' ? candle(value) : value, place, made);
    state = step.state;
    found.push(...step.found.map((signal) => ({ ...signal, index })));
  }
  return { found, state };
}

const flat = (count: number, close = 100): number[] => Array.from({ length: count }, () => close);
const ramp = (count: number, from: number, by: number): number[] =>
  Array.from({ length: count }, (_, i) => from + i * by);

test('stepSeries() repeats the last close, when windows have no trade', () => {
  const closes = [...ramp(30, 100, 1), null, null, 131];
  const place = { symbol: 'AAPL', windowStartMs: BEGIN_MS + 32 * WINDOW_MS };
  const before = run(closes.slice(0, 30), settings()).state;
  const step = stepSeries(before, candle(131), place, settings());
  const flatCandle = (close: number): RowCandle => ({ ...candle(close, 0), high: close, low: close });
  const same = run([...ramp(30, 100, 1), flatCandle(129), flatCandle(129), candle(131)], settings()).state;
  expect(step).toMatchObject({ repeated: 2, restarted: false });
  expect(step.state.indicators).toEqual(same?.indicators);
  expect(step.state.volumes).toEqual(same?.volumes);
});

test('stepSeries() starts again, when more windows than that have no trade, or the periods are others', () => {
  const before = run(flat(30), settings()).state;
  const at = (index: number) => ({ symbol: 'AAPL', windowStartMs: BEGIN_MS + index * WINDOW_MS });
  expect(stepSeries(before, candle(1), at(42), settings())).toMatchObject({ repeated: 12, restarted: false });
  const restarted = stepSeries(before, candle(1), at(43), settings());
  expect(restarted).toMatchObject({ repeated: 0, restarted: true });
  expect(restarted.state.indicators.closes).toEqual([1]);
  const other = { ...settings(), periods: { ...DEFAULT_PERIODS, sma: 10 } };
  expect(stepSeries(before, candle(1), at(30), other)).toMatchObject({ restarted: true });
});

test('stepSeries() finds nothing by any rule, when a series is flat', () => {
  const all = settings(
    { name: 'cross', kind: 'moving-average-cross', fast: 'ema', slow: 'sma', margin: 0 },
    { name: 'close', kind: 'moving-average-cross', fast: 'close', slow: 'bollinger_middle', margin: 0 },
    { name: 'rsi', kind: 'rsi', over: 50, under: 50, back: 0 },
    { name: 'jump', kind: 'price-jump', ranges: 0.001 },
    { name: 'spike', kind: 'volume-spike', times: 1.001 },
  );
  const still = flat(100, 61_837.63).map((close) => ({ ...candle(close), high: close, low: close }));
  const { found, state } = run(still, all);
  expect(found).toEqual([]);
  expect(indicatorValues(state?.indicators ?? ({} as never), DEFAULT_PERIODS).rsi).toBe(50);
});

test('stepSeries() tells of a cross once, with side, numbers and a sentence', () => {
  const rule = { name: 'cross', kind: 'moving-average-cross', fast: 'close', slow: 'sma' };
  const { found } = run([...ramp(40, 200, -1), ...ramp(40, 160, 1)], settings(rule));
  expect(found).toHaveLength(1);
  const [signal] = found;
  expect(signal).toMatchObject({
    id: `cross:AAPL:${BEGIN_MS + (signal?.index ?? 0) * WINDOW_MS}`,
    side: 'buy',
    causedAtMs: BEGIN_MS,
    text: expect.stringMatching(
      /^AAPL: the price \([\d.]+\) crossed above the simple average \([\d.]+\) at [\d.]+\.$/,
    ),
  });
  expect(signal?.numbers['fast']).toBeGreaterThan(signal?.numbers['slow'] ?? 0);
  expect(signal?.strength).toBeGreaterThan(0);
  expect(signal?.strength).toBeLessThanOrEqual(1);
});

test('stepSeries() tells of RSI again only after it came back, when it swings about the bound', () => {
  const rule = { name: 'rsi', kind: 'rsi', over: 70, under: 30, back: 10, coolDownMs: 0 };
  // Up, a little back and forth at the top, far down, and up again.
  const swings = [...ramp(20, 100, 1), 118.5, 119.5, 118.5, 119.5, ...ramp(20, 119, -1), ...ramp(25, 100, 1)];
  const { found } = run(swings, settings(rule));
  expect(found.map(({ side }) => side)).toEqual(['sell', 'buy', 'sell']);
  expect(found[0]?.text).toMatch(/^AAPL is overbought: RSI 100 is at or above 70, at [\d.]+\.$/);
});

test('stepSeries() measures a jump against the range before it', () => {
  const rule = { name: 'jump', kind: 'price-jump', ranges: 4, coolDownMs: 0 };
  const { found } = run([...flat(20), 103.9, ...flat(20, 103.9), 95], settings(rule));
  // The candles' own range is 1: a change of 3.9 is not yet 4 ranges, one of 8.9 is.
  expect(found.map(({ index, side }) => [index, side])).toEqual([[41, 'sell']]);
  expect(found[0]?.text).toMatch(/^AAPL jumped down by 8\.9 to 95, [\d.]+ times its average range\.$/);
});

test('stepSeries() measures a spike against the windows before it, empty ones counted', () => {
  const rule = { name: 'spike', kind: 'volume-spike', times: 3, windows: 4, coolDownMs: 0 };
  const volumes = (...some: readonly (number | null)[]) =>
    some.map((volume) => (volume === null ? null : candle(100, volume)));
  expect(run(volumes(1, 1, 1, 2.9), settings(rule)).found).toEqual([]);
  expect(run(volumes(1, 1, 1, 1, 2.9), settings(rule)).found).toEqual([]);
  expect(run(volumes(1, 1, 1, 1, 3), settings(rule)).found).toMatchObject([{ side: 'neutral', index: 4 }]);
  expect(run(volumes(1, 1, null, null, 1.5), settings(rule)).found).toMatchObject([
    { numbers: { volume: 1.5, mean: 0.5, times: 3 } },
  ]);
});

test('stepSeries() is silent while a rule cools down, by the windows’ time', () => {
  const rule = { name: 'spike', kind: 'volume-spike', times: 2, windows: 2, coolDownMs: 15_000 };
  const series = [1, 1, 9, 90, 900, 9_000, 90_000].map((volume) => candle(100, volume));
  expect(run(series, settings(rule)).found.map(({ index }) => index)).toEqual([2, 5]);
});

test('stepSilent() tells once of a symbol that does not trade, and again after it did', () => {
  const made = settings({ name: 'silence', kind: 'silence', windows: 3, coolDownMs: 0 });
  const at = (index: number) => ({ symbol: 'AAPL', windowStartMs: BEGIN_MS + index * WINDOW_MS });
  const first = stepSeries(null, candle(100), at(0), made).state;
  expect(stepSilent(first, at(2), made)).toMatchObject({ state: first, found: [] });
  const silent = stepSilent(first, at(3), made);
  expect(silent.found).toMatchObject([
    { side: 'neutral', text: 'AAPL has not traded for 15 seconds, while others did.' },
  ]);
  expect(stepSilent(silent.state, at(4), made).found).toEqual([]);
  const back = stepSeries(silent.state, candle(101), at(5), made);
  expect(back).toMatchObject({ repeated: 4, restarted: false, found: [] });
  expect(stepSilent(back.state, at(8), made).found).toHaveLength(1);
  // So long after its last trade that the series would start again: nothing is known of it any more.
  expect(stepSilent(first, at(14), made).found).toEqual([]);
});

test('stepSeries() tells of news when they turn good or bad, and not while they stay so', () => {
  const rule = { name: 'news', kind: 'news-sentiment', over: 0.5, under: -0.5, news: 2, coolDownMs: 0 };
  const means = [null, 0.4, 0.6, 0.7, 0.1, 0.6, -0.6, null, -0.7];
  const series = means.map((mean) => ({
    ...candle(100),
    sentiment: mean === null ? null : { mean, news: 2 },
  }));
  const { found } = run(series, settings(rule));
  expect(found.map(({ index, side }) => [index, side])).toEqual([
    [2, 'buy'],
    [5, 'buy'],
    [6, 'sell'],
    [8, 'sell'],
  ]);
  expect(found[0]?.text).toBe('AAPL: the news of the last hour is good (sentiment 0.6 of 2), at 100.');
  const few = [{ ...candle(100), sentiment: { mean: 1, news: 1 } }];
  expect(run(few, settings(rule)).found).toEqual([]);
});
