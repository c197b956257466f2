import type { Instrument, ListOutcome } from '@kandle/market/instrument/instrument';
import type { Refresh } from '@kandle/market/instrument/refresh';

/** Whose list is refreshed, and when. */
export interface ListTried {
  readonly feed: string;
  readonly list: string;
  readonly nowMs: number;
}

/** Where instruments are kept. Every method throws a `RetryableError` if the database does not do it. */
export interface InstrumentStore {
  /**
   * Decides and writes in one transaction; refreshes of one feed come one after the other. Nothing of it is
   * written if one instrument's time under a ticker overlaps another's.
   *
   * @param decide Given the newest instrument of each ticker of the feed, of all its lists.
   */
  refresh(tried: ListTried, decide: (known: readonly Instrument[]) => Refresh): Promise<Refresh>;
  /** All instruments of a list that ever were, by ticker and time. */
  instruments(feed: string, list: string): Promise<readonly Instrument[]>;
  /** How the newest refresh of a list ended; null if there was none. */
  outcome(feed: string, list: string): Promise<ListOutcome | null>;
  /**
   * What was written and is not known to be published, of all lists of a feed, the earliest change first.
   *
   * @param limit At most so many.
   */
  unpublished(feed: string, limit: number): Promise<readonly Instrument[]>;
  /** Notes that these were published, as they are here: what has changed since stays unpublished. */
  published(instruments: readonly Instrument[]): Promise<void>;
  /** Takes everything of a feed for unpublished. */
  publishAgain(feed: string): Promise<void>;
  close(): Promise<void>;
}
