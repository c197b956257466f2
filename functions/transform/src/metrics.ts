import type { Counter, Metrics } from '@kandle/runtime/metrics';
import type { CleanedBatch } from '@kandle/market/trade/clean-trades';

/** What transform counts. A batch that is delivered again is counted again. */
export interface TransformMetrics {
  readonly trades: Counter;
  readonly lateTrades: Counter;
  readonly notTrades: Counter;
  readonly rejects: Counter;
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
    rejects: metrics.counter('transform_rejects_total', 'Refused records by reason, too_late among them'),
  };
}

/** Counts one batch, when it and its rejects are acknowledged. */
export function countCleaned(counters: TransformMetrics, { batch, rejects, notTrades }: CleanedBatch): void {
  const late = batch.trades.filter(({ eventTimeMs }) => eventTimeMs < batch.watermarkMs).length;
  if (batch.trades.length > 0) counters.trades.add(batch.trades.length);
  if (late > 0) counters.lateTrades.add(late);
  if (notTrades > 0) counters.notTrades.add(notTrades);
  for (const { reason } of rejects) counters.rejects.add(1, { reason });
}
