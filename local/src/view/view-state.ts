/** A candle as people read it. */
export interface CandleView {
  readonly open: number;
  readonly high: number;
  readonly low: number;
  readonly close: number;
  readonly volume: number;
}

/** A symbol's newest indicators; null for one that is not warm. */
export interface IndicatorView {
  readonly ma: number | null;
  readonly ema: number | null;
  readonly rsi: number | null;
}

/** A signal's line. */
export interface SignalView {
  readonly windowStartMs: number;
  readonly side: 'buy' | 'sell' | 'neutral';
  readonly text: string;
  readonly isRetracted: boolean;
}

/** A symbol's line. */
export interface SymbolView {
  readonly symbol: string;
  /** The newest candle: the running one while there are trades. Its close is the last price. */
  readonly candle: CandleView;
  /** Decimals that its prices have had so far. */
  readonly priceDigits: number;
  readonly tradesPerSecond: number;
  /**
   * How far the end of its newest candle is behind the clock, milliseconds; 0 while the window is running, null
   * in a recording.
   */
  readonly lagMs: number | null;
  /** Closes of its newest windows, oldest first. */
  readonly closes: readonly number[];
  /** Null while none is warm. */
  readonly indicators: IndicatorView | null;
}

/** A function's line. */
export interface FunctionView {
  readonly name: string;
  readonly ready: number;
  readonly starting: number;
  readonly requestsPerSecond: number;
  readonly p99Ms: number | null;
  readonly coldStarts: number;
  readonly lastStartMs: number | null;
  readonly crashes: number;
}

/** A source's line. */
export interface SourceView {
  readonly name: string;
  /** What it reads, and the function that gets it. */
  readonly topic: string;
  readonly sink: string;
  readonly eventsPerSecond: number;
  /** Records that are not settled yet; null until it is known. */
  readonly lag: number | null;
  readonly retries: number;
  readonly deadLettered: number;
  readonly dropped: number;
}

/** A feed without a connection. */
export interface AwayView {
  readonly feed: string;
  /** The vendor has said that it does not want us. */
  readonly refused: boolean;
  /** In the feed's words. */
  readonly reason: string;
  /** Until then none is tried, wall clock, milliseconds. */
  readonly untilMs: number;
}

/** Everything that a person is shown of a run. */
export interface ViewState {
  /** Since "ready", milliseconds. */
  readonly upMs: number;
  readonly feed: {
    readonly name: string;
    readonly status: 'trading' | 'quiet' | 'market closed' | 'silent' | 'not connected' | 'ended';
    /** Feeds without a connection. */
    readonly away: readonly AwayView[];
    /** Trades received, and how many there will be, if that is known. */
    readonly trades: number;
    readonly of: number | null;
    readonly tradesPerSecond: number;
    readonly symbolCount: number;
    /** Of these, how many do not come, and how many come with a volume of 0 only. */
    readonly refusedCount: number;
    readonly priceOnlyCount: number;
  };
  /** Final candles since "ready". */
  readonly candles: number;
  readonly rejects: number;
  readonly deadLetters: number;
  /** The most active first; at most as many as fit any terminal. */
  readonly symbols: readonly SymbolView[];
  /** The newest first. */
  readonly signals: readonly SignalView[];
  /** Signals since "ready". */
  readonly signalCount: number;
  /** Symbols that had a trade, shown or not. */
  readonly activeSymbols: number;
  readonly functions: readonly FunctionView[];
  readonly sources: readonly SourceView[];
}

/** True for a function without any process. */
export function isAsleep({ ready, starting }: Pick<FunctionView, 'ready' | 'starting'>): boolean {
  return ready + starting === 0;
}
