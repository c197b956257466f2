import type { NewestAndRecords } from '@kandle/market/sink/newest';

/** What became of an event's values and records. */
export interface Taken {
  /** Values that were newer than what was there. */
  readonly newer: number;
  /** Records that were not in their stream yet. */
  readonly added: number;
  /** Records that fell out of a full stream before all of its groups had read them. */
  readonly dropped: number;
}

/** Where newest values and records are kept. */
export interface NewestStore {
  /**
   * Takes all of an event at once, or nothing.
   *
   * @throws {RetryableError} If the server did not take it, or gave no answer: then it may have.
   */
  take(content: NewestAndRecords): Promise<Taken>;
}
