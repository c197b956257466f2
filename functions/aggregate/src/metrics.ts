import { type Counter, type Metrics, NO_COUNTER } from '@kandle/runtime/metrics';
import type { CasOutcome } from '@kandle/runtime/conditional';
import type { ShardStore, WindowStore } from './stores.ts';

/** What the aggregate function counts beside its events. */
export interface AggregateMetrics {
  /** Batches that a window held already, and was not given again. */
  readonly duplicates: Counter;
  /** Trades merged into a window that was final. */
  readonly lateTrades: Counter;
  /** Candles published as revised. */
  readonly revisedCandles: Counter;
  /** Windows that a feed gap made incomplete. */
  readonly incompleteWindows: Counter;
  /** Conditional writes that did not simply succeed: `lost` or `unknown`. */
  readonly casOutcomes: Counter;
}

/** The metrics of the aggregate function. */
export function createAggregateMetrics(metrics: Metrics): AggregateMetrics {
  return {
    duplicates: metrics.counter('aggregate_duplicate_batches_total', 'Batches a window held already'),
    lateTrades: metrics.counter('aggregate_late_trades_total', 'Trades merged into a final window'),
    revisedCandles: metrics.counter('aggregate_revised_candles_total', 'Candles published as revised'),
    incompleteWindows: metrics.counter(
      'aggregate_incomplete_windows_total',
      'Windows that a feed gap made incomplete',
    ),
    casOutcomes: metrics.counter(
      'aggregate_cas_retries_total',
      'Conditional writes that were lost, or of unknown outcome',
    ),
  };
}

/** Metrics that count nothing. */
export const NO_METRICS: AggregateMetrics = {
  duplicates: NO_COUNTER,
  lateTrades: NO_COUNTER,
  revisedCandles: NO_COUNTER,
  incompleteWindows: NO_COUNTER,
  casOutcomes: NO_COUNTER,
};

/** The stores, with the outcomes of conditional writes counted. */
export function countOutcomes(
  { windows, shards }: { readonly windows: WindowStore; readonly shards: ShardStore },
  casOutcomes: Counter,
): { readonly windows: WindowStore; readonly shards: ShardStore } {
  async function counted(write: Promise<CasOutcome>): Promise<CasOutcome> {
    const outcome = await write;
    if (outcome !== 'applied') casOutcomes.add(1, { outcome });
    return outcome;
  }
  return {
    windows: { ...windows, compareAndSet: (...of) => counted(windows.compareAndSet(...of)) },
    shards: { ...shards, compareAndSet: (...of) => counted(shards.compareAndSet(...of)) },
  };
}
