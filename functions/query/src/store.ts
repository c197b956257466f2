import type { PageKey } from './page-token.ts';
import type { Interval } from './intervals.ts';
import type {
  CandleRow,
  GapRow,
  IndicatorRow,
  InstrumentListRow,
  InstrumentRow,
  SignalRow,
  SymbolRow,
  TradeRow,
} from './rows.ts';

/** One series: the same symbol of two feeds is two. */
export interface Series {
  readonly feed: string;
  readonly symbol: string;
}

/** Times in `[fromMs, toMs)`, and the most rows that are wanted of them, the earliest first. */
export interface Range {
  readonly fromMs: number;
  readonly toMs: number;
  readonly limit: number;
}

/** How candles are read. */
export interface Exactness {
  /** True for their integers too. */
  readonly exact?: boolean;
}

/** A range of rows of which several may have the same time. */
export interface KeyedRange extends Range {
  /** The last row that is not wanted any more ; null for none. */
  readonly after: PageKey | null;
}

/** Which instruments are wanted, and the most of them. */
export interface InstrumentQuestion {
  /** Of this feed; null for all. */
  readonly feed: string | null;
  /** Under these tickers; null for all. */
  readonly symbols: readonly string[] | null;
  readonly isWanted: (row: InstrumentRow) => boolean;
  /** The last row that is not wanted any more; null for none. */
  readonly after: InstrumentPlace | null;
  readonly limit: number;
}

/** The key of an instrument's row. */
export type InstrumentPlace = Pick<InstrumentRow, 'feed' | 'symbol' | 'valid_from'>;

/** What is read of the views. Every method throws a `RetryableError` if the database does not answer. */
export interface QueryStore {
  /** The feeds that have a trade, in order. */
  feeds(): Promise<readonly string[]>;
  /** Newest trade of each symbol, by feed and symbol. @param feed Only of this one. */
  symbols(feed: string | null): Promise<readonly SymbolRow[]>;
  /** The feeds that have this symbol. */
  feedsOf(symbol: string): Promise<readonly string[]>;
  candles(series: Series, interval: Interval, range: Range & Exactness): Promise<readonly CandleRow[]>;
  /** Close of the last candle before a time; null if there is none in half a year. */
  closeBefore(series: Series, interval: Interval, timeMs: number): Promise<number | null>;
  /** Every version of the candles, by start and version. */
  revisions(series: Series, range: KeyedRange & Exactness): Promise<readonly CandleRow[]>;
  /** By time and id. */
  trades(series: Series, range: KeyedRange): Promise<readonly TradeRow[]>;
  indicators(series: Series, name: string, range: Range): Promise<readonly IndicatorRow[]>;
  /** By start; those of one start from the last symbol and rule to the first. @param symbol Null for all. */
  signals(feed: string, symbol: string | null, range: KeyedRange): Promise<readonly SignalRow[]>;
  /** The gaps that reach into the range, by their begin. */
  gaps(feed: string, range: KeyedRange): Promise<readonly GapRow[]>;
  /** By feed, symbol and time. */
  instruments(question: InstrumentQuestion): Promise<readonly InstrumentRow[]>;
  /** How old what is known of each list is. */
  instrumentLists(): Promise<readonly InstrumentListRow[]>;
  /** Resolves if the database answers. */
  ping(): Promise<void>;
}
