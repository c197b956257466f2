import { batchId } from '../event/batch-header.ts';
import { recordFormat } from '../feed/formats.ts';
import type { RawBatch } from '../feed/raw-batch.ts';
import type { JudgedTrade } from '../feed/judged.ts';
import type { Reject } from '../event/rejects.ts';
import { createConditionJudge, type JudgedConditions } from './counting-rules.ts';
import { LOOK } from './price-rank.ts';
import type { Trade } from './trade.ts';
import type { TradeBatch } from './trade-batch.ts';

/** What one raw batch becomes: exactly one clean batch, and the records that are not counted. */
export interface CleanedBatch {
  readonly batch: TradeBatch;
  readonly rejects: readonly Reject[];
  /** Price updates with volume 0 in a batch of before they counted. */
  readonly notTrades: number;
}

/**
 * Cleans a raw batch. A pure function of its input: a trade is too late by what was known before its batch,
 * never by a clock, so every replay, every redrive and the audit give the same answer. A batch written before
 * 2026-11-28 does not say what was known; it is judged by its own watermark, as it was then. What conditions
 * and price updates count for is said by the batch's rules, by its own too.
 */
export function cleanBatch({ records, format, rules, ...header }: RawBatch, horizonMs: number): CleanedBatch {
  const trades: Trade[] = [];
  const rejects: Reject[] = [];
  let notTrades = 0;
  const { judgeTrade, conditionsOf, isSampled } = recordFormat(format);
  const judgeConditions = rules === undefined || isSampled ? null : createConditionJudge(rules);
  const knownMs = header.watermarkBeforeMs ?? header.watermarkMs;
  for (const [index, { id, record, delayMs = 0 }] of records.entries()) {
    const judged = withConditions(
      judgeTrade(id, record, judgeConditions !== null),
      judgeConditions === null ? null : judgeConditions(conditionsOf(record)),
    );
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
              ...(rules === undefined ? {} : { rules }),
            };
      rejects.push({ id: `${batchId(header)}:${index}`, ...verdict, record });
    }
  }
  const batch = isSampled ? { ...header, sampled: true as const, trades } : { ...header, trades };
  return { batch, rejects, notTrades };
}

/** The same with what its conditions make of it: null where none are looked at. */
function withConditions(judged: JudgedTrade, conditioned: JudgedConditions | null): JudgedTrade {
  if (judged.kind !== 'trade' || conditioned === null) return judged;
  const { conditions, rank } = conditioned;
  const isLook = judged.trade.sizeE8 === 0n;
  if (rank === 0 && conditions === '' && !isLook) return judged;
  if (rank === null)
    return { kind: 'reject', reason: 'not_counted', detail: `conditions ${conditions} count for nothing` };
  const mark = isLook ? { rank: LOOK } : rank === 0 ? {} : { rank };
  return { kind: 'trade', trade: { ...judged.trade, ...mark, ...(conditions === '' ? {} : { conditions }) } };
}
