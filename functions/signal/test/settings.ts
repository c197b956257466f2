import type { IndicatorPeriods } from '@kandle/market/indicator/indicators';
import { parseRules } from '@kandle/market/signal/rules';
import type { SeriesSettings } from '@kandle/market/signal/series';

/** Short periods and touchy rules, so that short logs are warm and full of signals. */
const PERIODS: IndicatorPeriods = {
  sma: 3,
  ema: 3,
  rsi: 2,
  macdFast: 2,
  macdSlow: 3,
  macdSignal: 2,
  bollinger: 3,
  bollingerWidth: 2,
  atr: 2,
};

/** The settings of the schedules' series. */
export const SETTINGS: SeriesSettings = {
  periods: PERIODS,
  maxRepeatedWindows: 3,
  rules: parseRules(
    {
      rules: [
        { name: 'cross', kind: 'moving-average-cross', fast: 'close', slow: 'sma', coolDownMs: 10_000 },
        { name: 'rsi', kind: 'rsi', over: 60, under: 40, back: 1, coolDownMs: 0 },
        { name: 'jump', kind: 'price-jump', ranges: 0.5, coolDownMs: 15_000 },
        { name: 'spike', kind: 'volume-spike', times: 1.5, windows: 2, coolDownMs: 5_000 },
        { name: 'silence', kind: 'silence', windows: 2, symbols: ['A', 'B'], coolDownMs: 20_000 },
      ],
    },
    3,
  ),
};
