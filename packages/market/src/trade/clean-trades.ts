import { batchId } from '../event/batch-header.ts';
import { judgeFinnhubRecord } from '../feed/finnhub/trade.ts';
import type { RawBatch } from '../feed/raw-batch.ts';
import type { Reject } from '../event/rejects.ts';
import type { Trade } from './trade.ts';
import type { TradeBatch } from './trade-batch.ts';

/** What one raw batch becomes: exactly one clean batch, and the records that are not counted. */
export interface CleanedBatch {
  readonly batch: TradeBatch;
  readonly rejects: readonly Reject[];
  /** Records that are no trades, such as Finnhub's price updates with volume 0. */
  readonly notTrades: number;
}

/**
 * Cleans a raw batch. A pure function of its input: a trade is too late by its own batch's watermark, never by a
 * clock, so every replay, every redrive and the audit give the same answer.
 */
export function cleanBatch({ records, ...header }: RawBatch, horizonMs: number): CleanedBatch {
  const trades: Trade[] = [];
  const rejects: Reject[] = [];
  let notTrades = 0;
  const oldestMs = header.watermarkMs - horizonMs;
  for (const [index, { id, record }] of records.entries()) {
    const judged = judgeFinnhubRecord(id, record);
    if (judged.kind === 'no_trade') notTrades += 1;
    else if (judged.kind === 'trade' && judged.trade.eventTimeMs >= oldestMs) trades.push(judged.trade);
    else {
      const { reason, detail } =
        judged.kind === 'reject'
          ? judged
          : {
              reason: 'too_late' as const,
              detail: `time ${judged.trade.eventTimeMs} is more than ${horizonMs} ms before the watermark ${header.watermarkMs}`,
            };
      rejects.push({ id: `${batchId(header)}:${index}`, reason, detail, record });
    }
  }
  return { batch: { ...header, trades }, rejects, notTrades };
}
