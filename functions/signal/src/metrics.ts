import type { CasOutcome } from '@kandle/runtime/conditional';
import { type Counter, type Metrics, NO_COUNTER } from '@kandle/runtime/metrics';
import type { StateWindow } from '@kandle/market/signal/series-state';

/** What the signal function counts beside its events. */
export interface SignalMetrics {
  /** Signals that a row got, by rule: `active` as found, `retracted` as a revision took them back. */
  readonly signals: Counter;
  /** Series that began anew in a window: new ones, and those that were silent for too long. */
  readonly starts: Counter;
  /** Later windows that a revision changed. */
  readonly recomputed: Counter;
  /** Conditional writes that did not simply succeed: `lost` or `unknown`. */
  readonly casOutcomes: Counter;
}

/** The metrics of the signal function. */
export function createSignalMetrics(metrics: Metrics): SignalMetrics {
  return {
    signals: metrics.counter('signal_signals_total', 'Signals found, and taken back, by rule'),
    starts: metrics.counter('signal_series_starts_total', 'Series that began, or began anew after a silence'),
    recomputed: metrics.counter('signal_recomputed_windows_total', 'Later windows that a revision changed'),
    casOutcomes: metrics.counter(
      'signal_cas_retries_total',
      'Conditional writes that were lost, or of unknown outcome',
    ),
  };
}

/** Metrics that count nothing. */
export const NO_METRICS: SignalMetrics = {
  signals: NO_COUNTER,
  starts: NO_COUNTER,
  recomputed: NO_COUNTER,
  casOutcomes: NO_COUNTER,
};

/** Counts how a write of some symbols' rows ended, and what they hold that they did not before. */
export function countWrite(
  metrics: SignalMetrics,
  outcome: CasOutcome,
  { before, next, changed }: { before: StateWindow; next: StateWindow; changed: Iterable<string> },
): void {
  if (outcome !== 'applied') return metrics.casOutcomes.add(1, { outcome });
  for (const symbol of changed) {
    const row = next.rows.get(symbol);
    if (row === undefined) continue;
    if (row.restarted && !before.rows.has(symbol)) metrics.starts.add(1);
    for (const { rule, state, version } of row.signals)
      if (version === next.version) metrics.signals.add(1, { rule, state });
  }
}
