import type { Counter, Metrics } from '@kandle/runtime/metrics';
import type { CleanedBatch } from '@kandle/market/trade/clean-trades';

/** What transform counts. A batch that is delivered again is counted again. */
export interface TransformMetrics {
  readonly trades: Counter;
  readonly lateTrades: Counter;
  readonly notTrades: Counter;
  readonly conditionedTrades: Counter;
  readonly rejects: Counter;
  readonly uncountedBatches: Counter;
}

/** The counters of transform. */
export function createTransformMetrics(metrics: Metrics): TransformMetrics {
  return {
    trades: metrics.counter('transform_trades_total', 'Clean trades passed on'),
    lateTrades: metrics.counter(
      'transform_late_trades_total',
      'Clean trades passed on that are older than the watermark of their own batch',
    ),
    notTrades: metrics.counter('transform_not_trades_total', 'Records that are no trades: price updates'),
    conditionedTrades: metrics.counter(
      'transform_conditioned_trades_total',
      'Clean trades whose conditions leave their price to count for less than all',
    ),
    rejects: metrics.counter('transform_rejects_total', 'Refused records by reason, too_late among them'),
    uncountedBatches: metrics.counter(
      'transform_uncounted_batches_total',
      'Batches of whose records some count for nothing by their conditions, and no other was refused',
    ),
  };
}

/** Counts one batch, when it and its rejects are acknowledged. */
export function countCleaned(counters: TransformMetrics, { batch, rejects, notTrades }: CleanedBatch): void {
  const late = batch.trades.filter(({ eventTimeMs }) => eventTimeMs < batch.watermarkMs).length;
  const byRank = [0, 0, 0, 0];
  for (const { rank = 0 } of batch.trades) byRank[rank] = (byRank[rank] ?? 0) + 1;
  const [all = 0, highLow = 0, volume = 0, looks = 0] = byRank;
  if (all + highLow + volume > 0) counters.trades.add(all + highLow + volume);
  if (highLow > 0) counters.conditionedTrades.add(highLow, { counts: 'high_low' });
  if (volume > 0) counters.conditionedTrades.add(volume, { counts: 'volume' });
  if (late > 0) counters.lateTrades.add(late);
  if (notTrades + looks > 0) counters.notTrades.add(notTrades + looks);
  for (const { reason } of rejects) counters.rejects.add(1, { reason });
  if (rejects.length > 0 && rejects.every(({ reason }) => reason === 'not_counted'))
    counters.uncountedBatches.add(1);
}
