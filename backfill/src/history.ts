import type { VendorRecord } from '@kandle/market/feed/record-format';
import type { GapSpans } from '@kandle/market/window/gap-spans';

/** What is asked of a history: a stretch of time of a shard, both ends included. */
export interface HistoryQuestion {
  readonly shard: string;
  readonly symbols: ReadonlySet<string>;
  readonly fromMs: number;
  readonly toMs: number;
}

/** What a history has of it. */
export interface HistoryAnswer {
  /** In the order in which they were traded. */
  readonly records: readonly VendorRecord[];
  /** Where it is whole, of a symbol; nowhere, where it does not know the symbol or could not be asked. */
  readonly covered: (symbol: string) => GapSpans;
  /** Why it is not whole everywhere, in words; empty where there is nothing to say. */
  readonly note: string;
  /** It could not be asked for all, and may be some other time. */
  readonly hasFailed: boolean;
}

/** Where trades are looked for that a feed did not bring. */
export interface History {
  /** As batches and reports name it: `recording`, `finnhub`. */
  readonly source: string;
  /** @throws {FatalError} If it refuses us; {RetryableError} if it is away. */
  read(question: HistoryQuestion): Promise<HistoryAnswer>;
}

/** Most records of one gap that are held: about 100 MB. */
export const MAX_HISTORY_RECORDS = 200_000;
