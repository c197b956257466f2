import type { IndicatorBatch, SymbolIndicators } from '@kandle/market/indicator/indicator-batch';
import type { Signal, SignalBatch } from '@kandle/market/signal/signal-batch';
import { feedOfShard } from '@kandle/market/event/shard';
import { seriesOf } from './candle-board.ts';
import type { IndicatorView, SignalView } from './view-state.ts';

/** The newest indicators and signals, from events in any order, repeated or not. */
export interface SignalBoard {
  applyIndicators(batch: IndicatorBatch): void;
  applySignals(batch: SignalBatch): void;
  /** The newest indicators of a series; null while none is warm. */
  indicatorsOf(series: string): IndicatorView | null;
  /** The newest signals, newest first. */
  latest(count: number): readonly SignalView[];
  /** Signals seen so far, each counted once. */
  count(): number;
}

/** Signals that are remembered, so that a retraction finds its signal. */
const KEPT_SIGNALS = 200;

/** An empty board. */
export function createSignalBoard(): SignalBoard {
  const newest = new Map<string, { readonly windowStartMs: number; readonly row: SymbolIndicators }>();
  /** By feed and id, the newest first. */
  let signals: readonly (Signal & { readonly feed: string })[] = [];
  let seen = 0;

  return {
    applyIndicators({ shard, windowStartMs, indicators }) {
      for (const row of indicators) {
        const series = seriesOf(shard, row.symbol);
        const known = newest.get(series);
        const isOlder =
          known !== undefined &&
          (known.windowStartMs > windowStartMs ||
            (known.windowStartMs === windowStartMs && known.row.version >= row.version));
        if (!isOlder) newest.set(series, { windowStartMs, row });
      }
    },
    applySignals(batch) {
      const feed = feedOfShard(batch.shard);
      for (const signal of batch.signals) {
        // Its id is unique within its feed.
        const known = signals.find((one) => one.feed === feed && one.id === signal.id);
        if (known !== undefined && known.version >= signal.version) continue;
        if (known === undefined) seen += 1;
        signals = [...signals.filter((one) => one !== known), { ...signal, feed }]
          .toSorted((a, b) => b.windowStartMs - a.windowStartMs || (a.id < b.id ? -1 : 1))
          .slice(0, KEPT_SIGNALS);
      }
    },
    indicatorsOf(series) {
      const values = newest.get(series)?.row.values ?? {};
      const view = { ma: valueOf(values, 'sma'), ema: valueOf(values, 'ema'), rsi: valueOf(values, 'rsi') };
      return Object.values(view).every((value) => value === null) ? null : view;
    },
    latest: (count) =>
      signals.slice(0, count).map(({ windowStartMs, side, text, state }) => ({
        windowStartMs,
        side,
        text,
        isRetracted: state === 'retracted',
      })),
    count: () => seen,
  };
}

/** The indicator of a kind, whatever its period: `sma20`. */
function valueOf(values: Readonly<Record<string, number>>, kind: string): number | null {
  const found = Object.entries(values).find(([name]) => new RegExp(`^${kind}\\d+$`).test(name));
  return found === undefined ? null : found[1];
}
