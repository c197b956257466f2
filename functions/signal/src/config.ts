import { DEFAULT_PERIODS, type IndicatorPeriods } from '@kandle/market/indicator/indicators';
import { TOPICS } from '@kandle/market/event/topics';
import { CassandraEnv } from '@kandle/runtime/cassandra';
import { type Env, readEnv, requestBudgetMs, wholeNumber } from '@kandle/runtime/config';
import { FunctionEnv } from '@kandle/runtime/function-server';
import { KafkaEnv } from '@kandle/runtime/kafka';
import { z } from 'zod';

/** Windows that an indicator looks back over; more would make every state row large. */
const period = wholeNumber(2, 200);

/** Every variable that the function takes, with its default. */
export const envSchema = z.object({
  ...FunctionEnv.shape,
  ...KafkaEnv.shape,
  ...CassandraEnv.shape,
  SIGNALS_TOPIC: z.string().min(1).default(TOPICS.signals),
  /** The rules; without it, `rules.yaml` beside the program. Read again when it changes. */
  RULES_FILE: z.string().min(1).optional(),
  SMA_PERIOD: period.default(DEFAULT_PERIODS.sma),
  EMA_PERIOD: period.default(DEFAULT_PERIODS.ema),
  RSI_PERIOD: period.default(DEFAULT_PERIODS.rsi),
  MACD_FAST_PERIOD: period.default(DEFAULT_PERIODS.macdFast),
  MACD_SLOW_PERIOD: period.default(DEFAULT_PERIODS.macdSlow),
  MACD_SIGNAL_PERIOD: period.default(DEFAULT_PERIODS.macdSignal),
  BOLLINGER_PERIOD: period.default(DEFAULT_PERIODS.bollinger),
  ATR_PERIOD: period.default(DEFAULT_PERIODS.atr),
  /** Windows without a trade over which the last close is repeated; after more of them the series restarts. */
  MAX_REPEATED_WINDOWS: wholeNumber(0, 120).default(12),
  /** Later windows that a revision may reach; with the default periods nothing is left of it after fewer. */
  MAX_RECOMPUTED_WINDOWS: wholeNumber(1, 100_000).default(2_000),
  /**
   * How long an event may take; a recomputation that is not done then goes on with its next delivery. Below the
   * service's `timeoutSeconds`, with time for one more window.
   */
  BUDGET_MS: requestBudgetMs(40_000),
  /** Most symbol rows held in memory, about 2 KB each. */
  MAX_CACHED_ROWS: wholeNumber(1, 10_000_000).default(20_000),
  /** Most attempts at one window before the event is given back with 503. */
  MAX_ATTEMPTS: wholeNumber(1, 100).default(10),
});

/** The configuration of the signal function. */
export type SignalConfig = z.infer<typeof envSchema>;

/** Reads the configuration once, at start. @throws {FatalError} Naming every missing or malformed variable. */
export function readConfig(env: Env): SignalConfig {
  return readEnv(
    envSchema.refine((read) => read.MACD_FAST_PERIOD < read.MACD_SLOW_PERIOD, {
      path: ['MACD_FAST_PERIOD'],
      message: 'expected less than MACD_SLOW_PERIOD',
    }),
    env,
  );
}

/** The indicators' periods as configured. */
export function periodsOf(config: SignalConfig): IndicatorPeriods {
  return {
    sma: config.SMA_PERIOD,
    ema: config.EMA_PERIOD,
    rsi: config.RSI_PERIOD,
    macdFast: config.MACD_FAST_PERIOD,
    macdSlow: config.MACD_SLOW_PERIOD,
    macdSignal: config.MACD_SIGNAL_PERIOD,
    bollinger: config.BOLLINGER_PERIOD,
    bollingerWidth: DEFAULT_PERIODS.bollingerWidth,
    atr: config.ATR_PERIOD,
  };
}
