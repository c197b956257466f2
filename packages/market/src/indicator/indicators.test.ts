import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  DEFAULT_PERIODS,
  INDICATOR_KINDS,
  type IndicatorPeriods,
  type IndicatorState,
  type IndicatorValues,
  INDICATORS_START,
  indicatorName,
  indicatorValues,
  pushWindow,
  type WindowPrices,
} from './indicators.ts';

const GOLDEN = join(import.meta.dirname, '../../../../../shared/data/golden_dev_btcusdt_5s.csv');
const TALIB = join(import.meta.dirname, '../../fixtures/talib.csv');
/** Short periods, so that short series have every indicator warm. */
const SHORT: IndicatorPeriods = {
  sma: 3,
  ema: 4,
  rsi: 3,
  macdFast: 2,
  macdSlow: 4,
  macdSignal: 3,
  bollinger: 5,
  bollingerWidth: 2,
  atr: 3,
};

/** Windows with few distinct prices, so that flat stretches and ties are common. */
const windows: fc.Arbitrary<readonly WindowPrices[]> = fc.array(
  fc
    .tuple(fc.constantFrom(1, 2, 2.5, 100.01, 61_837.63), fc.nat({ max: 3 }), fc.nat({ max: 1 }))
    .map(([close, up, down]) => ({ close, high: close + up, low: close - down / 2 })),
  { maxLength: 40 },
);

/** The values after each window. */
function valuesOf(series: readonly WindowPrices[], periods: IndicatorPeriods): IndicatorValues[] {
  let state = INDICATORS_START;
  return series.map((window) => {
    state = pushWindow(state, window, periods);
    return indicatorValues(state, periods);
  });
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

/**
 * An average over a whole series by its definition: the mean of the first n, then the recurrence; NaN before.
 */
function naiveSmoothed(series: readonly number[], n: number, weight: number): number[] {
  return series.map((_, at) => {
    if (at < n - 1) return Number.NaN;
    let value = mean(series.slice(0, n));
    for (const next of series.slice(n, at + 1)) value = weight * next + (1 - weight) * value;
    return value;
  });
}

/** Every indicator over the whole series, from its textbook definition; it shares no code with the fold. */
function naiveValues(series: readonly WindowPrices[], p: IndicatorPeriods): IndicatorValues[] {
  const closes = series.map((window) => window.close);
  const changes = closes.slice(1).map((close, i) => close - (closes[i] ?? 0));
  const gains = naiveSmoothed(
    changes.map((change) => Math.max(change, 0)),
    p.rsi,
    1 / p.rsi,
  );
  const losses = naiveSmoothed(
    changes.map((change) => Math.max(-change, 0)),
    p.rsi,
    1 / p.rsi,
  );
  const ranges = series.slice(1).map(({ high, low }, i) => {
    const before = closes[i] ?? 0;
    return Math.max(high - low, Math.abs(high - before), Math.abs(low - before));
  });
  const atr = naiveSmoothed(ranges, p.atr, 1 / p.atr);
  const ema = naiveSmoothed(closes, p.ema, 2 / (p.ema + 1));
  const wait = p.macdSlow - p.macdFast;
  const fast = naiveSmoothed(closes.slice(wait), p.macdFast, 2 / (p.macdFast + 1));
  const slow = naiveSmoothed(closes, p.macdSlow, 2 / (p.macdSlow + 1));
  const macd = fast.map((value, i) => value - (slow[i + wait] ?? Number.NaN)).slice(p.macdFast - 1);
  const macdSignal = naiveSmoothed(macd, p.macdSignal, 2 / (p.macdSignal + 1));
  return series.map((_, i) => {
    const tail = (n: number): number[] => closes.slice(Math.max(0, i + 1 - n), i + 1);
    const band = tail(p.bollinger);
    const deviation = Math.sqrt(mean(band.map((close) => (close - mean(band)) ** 2)));
    const isBand = band.length === p.bollinger;
    const [gain = Number.NaN, loss = Number.NaN] = i === 0 ? [] : [gains[i - 1], losses[i - 1]];
    const [line = Number.NaN, signal = Number.NaN] = [
      macd[i + 1 - p.macdSlow],
      macdSignal[i + 1 - p.macdSlow],
    ];
    const all = {
      sma: tail(p.sma).length === p.sma ? mean(tail(p.sma)) : Number.NaN,
      ema: ema[i] ?? Number.NaN,
      rsi: gain + loss === 0 ? 50 : (100 * gain) / (gain + loss),
      macd: Number.isNaN(signal) ? Number.NaN : line,
      macd_signal: signal,
      macd_histogram: line - signal,
      bollinger_upper: isBand ? mean(band) + p.bollingerWidth * deviation : Number.NaN,
      bollinger_middle: isBand ? mean(band) : Number.NaN,
      bollinger_lower: isBand ? mean(band) - p.bollingerWidth * deviation : Number.NaN,
      atr: (i === 0 ? undefined : atr[i - 1]) ?? Number.NaN,
    };
    return Object.fromEntries(Object.entries(all).filter(([, value]) => !Number.isNaN(value)));
  });
}

/** The same indicators are warm, and each is within 1e-9 of the scale of the prices. */
function expectClose(actual: IndicatorValues, expected: IndicatorValues, scale: number, where: string): void {
  expect(Object.keys(actual).toSorted(), where).toEqual(Object.keys(expected).toSorted());
  for (const kind of INDICATOR_KINDS) {
    const [one, other] = [actual[kind], expected[kind]];
    if (one !== undefined && other !== undefined)
      expect(Math.abs(one - other) / scale, `${where} ${kind} ${one} ${other}`).toBeLessThan(1e-9);
  }
}

test('pushWindow() agrees with a naive reading of the whole series', () => {
  fc.assert(
    fc.property(windows, (series) => {
      const expected = naiveValues(series, SHORT);
      const scale = Math.max(1, ...series.map(({ high }) => high));
      for (const [i, values] of valuesOf(series, SHORT).entries()) {
        expectClose(values, expected[i] ?? {}, scale, `index ${i}`);
      }
    }),
  );
});

test('pushWindow() goes on with the same bits, when its state went through JSON after every window', () => {
  fc.assert(
    fc.property(windows, (series) => {
      let [kept, stored] = [INDICATORS_START, INDICATORS_START];
      for (const window of series) {
        kept = pushWindow(kept, window, SHORT);
        stored = JSON.parse(JSON.stringify(pushWindow(stored, window, SHORT))) as IndicatorState;
      }
      expect(stored).toEqual(kept);
    }),
  );
});

test('pushWindow() keeps a state that does not grow, when the series is long', () => {
  let state = INDICATORS_START;
  const sizes = Array.from({ length: 400 }, (_, i) => {
    state = pushWindow(state, { close: 100 + (i % 7), high: 107, low: 100 }, DEFAULT_PERIODS);
    return state.closes.length;
  });
  expect(Math.max(...sizes)).toBe(20);
  expect(state).toMatchObject({ seen: 26, ema: { seen: 21 }, gain: { seen: 15 } });
});

test('indicatorValues() of a flat series has RSI 50 and no range', () => {
  const flat = Array.from({ length: 60 }, () => ({ close: 7, high: 7, low: 7 }));
  expect(valuesOf(flat, DEFAULT_PERIODS).at(-1)).toMatchObject({ sma: 7, ema: 7, rsi: 50, macd: 0, atr: 0 });
});

test('indicatorValues() of a rising series has RSI 100, of a falling one 0', () => {
  const rising = Array.from({ length: 30 }, (_, i) => ({ close: 1 + i, high: 1 + i, low: 1 + i }));
  expect(valuesOf(rising, DEFAULT_PERIODS).at(-1)?.rsi).toBe(100);
  expect(valuesOf(rising.toReversed(), DEFAULT_PERIODS).at(-1)?.rsi).toBe(0);
});

test('indicatorName() carries the period, when the indicator has one', () => {
  expect(INDICATOR_KINDS.map((kind) => indicatorName(kind, DEFAULT_PERIODS))).toEqual([
    'sma20',
    'ema20',
    'rsi14',
    'macd',
    'macd_signal',
    'macd_histogram',
    'bollinger_upper',
    'bollinger_middle',
    'bollinger_lower',
    'atr14',
  ]);
});

/** The cells of a CSV file with a header line; lines that begin with `#` are left out. */
function readRows(path: string): Record<string, string>[] {
  const [header = '', ...lines] = readFileSync(path, 'utf8')
    .trim()
    .split('\n')
    .filter((line) => !line.startsWith('#'));
  const names = header.split(',');
  return lines.map((line) => {
    const cells = line.split(',');
    return Object.fromEntries(names.map((name, i) => [name, cells[i] ?? '']));
  });
}

const maybe = (cell: string | undefined): number | undefined =>
  cell === undefined || cell === '' ? undefined : Number(cell);

describe('indicatorValues()', () => {
  test('equals TA-Lib in MACD, Bollinger bands and ATR', () => {
    for (const [name, rows] of Map.groupBy(readRows(TALIB), (row) => row['series'])) {
      const series = rows.map((row) => ({
        high: Number(row['high']),
        low: Number(row['low']),
        close: Number(row['close']),
      }));
      for (const [i, values] of valuesOf(series, DEFAULT_PERIODS).entries()) {
        const { sma: _sma, ema: _ema, rsi: _rsi, ...actual } = values;
        const expected = Object.fromEntries(
          INDICATOR_KINDS.map((kind) => [kind, maybe(rows[i]?.[kind])]).filter(
            ([, value]) => value !== undefined,
          ),
        );
        // Within 1e-9 of prices about 1,000: TA-Lib takes its variance as a difference of two large sums.
        expectClose(actual, expected, 1, `${name} ${i}`);
      }
    }
  });

  test.skipIf(!existsSync(GOLDEN))(
    'equals the golden SMA, EMA and RSI within 1e-9, when fed the recorded closes (skipped without ../shared)',
    () => {
      const rows = readRows(GOLDEN);
      const closes = rows.map((row) => Number(row['close']));
      const values = valuesOf(
        closes.map((close) => ({ close, high: close, low: close })),
        DEFAULT_PERIODS,
      );
      expect(rows).toHaveLength(131);
      for (const [i, row] of rows.entries()) {
        for (const [kind, cell] of [
          ['sma', row['sma20']],
          ['ema', row['ema20']],
          ['rsi', row['rsi14']],
        ] as const) {
          const [actual, expected] = [values[i]?.[kind], maybe(cell)];
          if (expected === undefined) expect(actual, `${i} ${kind}`).toBeUndefined();
          else expect(Math.abs((actual ?? 0) / expected - 1), `${i} ${kind}`).toBeLessThan(1e-9);
        }
      }
    },
  );
});
