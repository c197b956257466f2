import type { CasOutcome } from '@kandle/runtime/conditional';
import type { Notice, SignalRecord } from '@kandle/market/notification/signal-record';

/** A signal of a feed. */
export interface SignalKey {
  readonly feed: string;
  readonly signalId: string;
}

/** The record of what was announced: linearisable reads and conditional writes. Both throw RetryableError. */
export interface NoticeStore {
  read(key: SignalKey): Promise<SignalRecord>;
  /**
   * Writes decisions, claimed or skipped, if the record still has this revision, and raises it.
   *
   * @param leaseMs How long the claims among them hold, whatever becomes of this process.
   */
  decide(key: SignalKey, revision: number, notices: readonly Notice[], leaseMs: number): Promise<CasOutcome>;
  /**
   * Writes how a claim ended, and ends its lease. `sent` is written whoever has the claim by now, unless it is
   * written already: a 2xx is a fact. Anything else is written only by the claim of the same `attempts`.
   */
  finish(key: SignalKey, notice: Notice): Promise<CasOutcome>;
}
