import type { Instrument } from '@kandle/market/instrument/instrument';
import type { Refresh } from '@kandle/market/instrument/refresh';

/** Whose list is refreshed, and when. */
export interface ListTried {
  readonly feed: string;
  readonly list: string;
  readonly nowMs: number;
}

/** How the newest refresh of a list ended. */
export interface RefreshOutcome {
  readonly feed: string;
  readonly list: string;
  /** When it was tried. */
  readonly triedAtMs: number;
  /** When a list was last taken; null if none ever was. */
  readonly takenAtMs: number | null;
  /** Why the newest was refused; an empty text if it was taken. */
  readonly refusal: string;
  /** Instruments of the list that are active. */
  readonly active: number;
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
  outcome(feed: string, list: string): Promise<RefreshOutcome | null>;
  close(): Promise<void>;
}
