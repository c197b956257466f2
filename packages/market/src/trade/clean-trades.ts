import { batchId } from '../event/batch-header.ts';
import { recordFormat } from '../feed/formats.ts';
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
 * Cleans a raw batch. A pure function of its input: a trade is too late by what was known before its batch,
 * never by a clock, so every replay, every redrive and the audit give the same answer. A batch written before
 * 2026-11-28 does not say what was known; it is judged by its own watermark, as it was then.
 */
export function cleanBatch({ records, format, ...header }: RawBatch, horizonMs: number): CleanedBatch {
  const trades: Trade[] = [];
  const rejects: Reject[] = [];
  let notTrades = 0;
  const { judgeTrade, isSampled } = recordFormat(format);
  const knownMs = header.watermarkBeforeMs ?? header.watermarkMs;
  for (const [index, { id, record, delayMs = 0 }] of records.entries()) {
    const judged = judgeTrade(id, record);
    if (judged.kind === 'no_trade') notTrades += 1;
    else if (judged.kind === 'trade' && judged.trade.eventTimeMs >= knownMs - delayMs - horizonMs)
      trades.push(judged.trade);
    else {
      const verdict =
        judged.kind === 'reject'
          ? { reason: judged.reason, detail: judged.detail }
          : {
              reason: 'too_late' as const,
              detail: `time ${judged.trade.eventTimeMs} is more than ${horizonMs} ms before the watermark ${knownMs - delayMs}`,
              shard: header.shard,
              tradeId: id,
              ...(format === undefined ? {} : { format }),
            };
      rejects.push({ id: `${batchId(header)}:${index}`, ...verdict, record });
    }
  }
  const batch = isSampled ? { ...header, sampled: true as const, trades } : { ...header, trades };
  return { batch, rejects, notTrades };
}
