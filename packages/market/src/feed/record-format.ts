import type { Book } from '../book/book.ts';
import type { NewsItem } from '../news/news.ts';
import type { FormatName } from './format-name.ts';
import type { JudgedItems, JudgedTrade } from './judged.ts';

/** A record as the vendor sent it. */
export type VendorRecord = Readonly<Record<string, unknown>>;

/** What ingest has to know of a trade's record to place it. Values are as they came, whatever they are. */
export interface SeenTrade {
  /** A symbol, if {@link readSymbol} takes it. */
  readonly symbol: unknown;
  /** Milliseconds, if {@link isEventTime} takes it: a vendor's seconds are made into them here. */
  readonly eventTimeMs: unknown;
  /** False for a price without a trade. */
  readonly isTrade: boolean;
  /** The vendor's own id of the trade; null if it gives none, and then the next three tell trades apart. */
  readonly ownId: string | null;
  readonly price: unknown;
  readonly size: unknown;
  readonly conditions: unknown;
}

/** What ingest has to know of a book or a piece of news to place it. */
export interface SeenItem {
  /** Decides its shard; null if it has none. */
  readonly symbol: string | null;
  /** For people who look into the log. */
  readonly name: unknown;
}

/**
 * How records of one form are read: all that knows their field names. Pure, and total: whatever a record is, it
 * has an answer.
 *
 * `see…` is asked by ingest, before a record is written down; `judge…` by transform, afterwards.
 */
export interface RecordFormat {
  readonly name: FormatName;
  /** True if its records are looks at a market from time to time, and no trades. */
  readonly isSampled: boolean;
  readonly seeTrade: (record: VendorRecord) => SeenTrade;
  /** @param hasLooks A price without a trade counts, as a trade of size 0; else it is none. */
  readonly judgeTrade: (id: string, record: VendorRecord, hasLooks?: boolean) => JudgedTrade;
  /** The codes that say what a trade's price counts for, whatever they are. */
  readonly conditionsOf: (record: VendorRecord) => unknown;
  readonly seeBook: (record: VendorRecord) => SeenItem;
  readonly judgeBook: (record: VendorRecord) => JudgedItems<Book>;
  readonly seeNews: (record: VendorRecord) => SeenItem;
  readonly judgeNews: (record: VendorRecord) => JudgedItems<NewsItem>;
}
