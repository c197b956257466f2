import type { Reject } from '@kandle/market/event/rejects';
import type { Samples } from '@kandle/market/feed/sample/samples';
import type { Logger } from '@kandle/runtime/log';
import type { Arrival, Intake, Verdict } from '../intake.ts';
import type { BufferBound } from '../lane/buffer-bound.ts';
import type { Metrics } from '../metrics.ts';
import type { PriceOnlySymbols } from './price-only.ts';
import type { VendorErrors } from './vendor-errors.ts';

/** What the entries of a feed's trade frames go into, and who hears of them. */
export interface TradeEntryDeps {
  readonly intake: Intake;
  readonly bound: Pick<BufferBound, 'grow'>;
  readonly vendorErrors: Pick<VendorErrors, 'heard'>;
  readonly priceOnly: PriceOnlySymbols;
  /** Of a feed that samples; null if it tells trades. */
  readonly samples: Samples | null;
  readonly refuse: (reject: Omit<Reject, 'id'>) => void;
  readonly metrics: Metrics;
  readonly log: Logger;
}

/** The entries of trade frames: offered one by one, and every verdict is counted and told. */
export interface TradeEntries {
  take(entries: readonly unknown[], arrival: Arrival): void;
  /** Verdicts that came by time alone. */
  note(verdicts: readonly Verdict[]): void;
}

/** Builds what takes a feed's trade entries. */
export function createTradeEntries(deps: TradeEntryDeps): TradeEntries {
  const { intake, bound, vendorErrors, priceOnly, samples, metrics, log } = deps;

  function accept({ symbol, isTrade, bytes }: Extract<Verdict, { kind: 'accepted' }>): void {
    metrics.accepted += 1;
    bound.grow(bytes);
    vendorErrors.heard(symbol);
    if (!isTrade) metrics.priceUpdates += 1;
    if (priceOnly.see(symbol, isTrade)) {
      log.info(
        { symbol },
        `${symbol} comes with a volume of 0 only: its candles are of prices, without a volume`,
      );
    }
  }

  function note(verdicts: readonly Verdict[]): void {
    for (const verdict of verdicts) {
      if (verdict.kind === 'accepted') accept(verdict);
      else if (verdict.kind === 'reject') deps.refuse(verdict.reject);
      else if (verdict.kind === 'duplicate') {
        metrics.duplicates += 1;
        vendorErrors.heard(verdict.symbol);
      } else {
        const { shard, symbol, delayMs } = verdict;
        log.warn({ shard, symbol, delayMs }, `${symbol} is delayed: its trades count in its own time`);
      }
    }
    metrics.waiting = intake.waiting();
  }

  return {
    take(entries, arrival) {
      for (const entry of entries) {
        metrics.records += 1;
        const read = samples?.read(entry, arrival.clockMs) ?? { kind: 'sample', record: entry };
        if (read.kind === 'sample') note(intake.offer(read.record, arrival));
        else {
          metrics.lastKnown += 1;
          vendorErrors.heard(read.symbol);
        }
      }
    },
    note,
  };
}
