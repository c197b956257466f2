import { type CandleBatchKind, formatCandleBatch, publishedCandle } from '@kandle/market/candle/candle-batch';
import type { BatchHeader } from '@kandle/market/event/batch-header';
import { WINDOW_MS, type WindowKey } from '@kandle/market/window/window';
import { shownRow, type WindowRow, type WindowState } from '@kandle/market/window/window-state';
import type { EventProducer } from '@kandle/runtime/event-producer';
import { LRUCache } from 'lru-cache';

/** What made aggregate publish: a batch of a shard, or a gap. */
export type Cause = Pick<BatchHeader, 'traceparent' | 'sampled'>;

/** Publishes candles; each method resolves when Kafka has acknowledged them. */
export interface CandlePublisher {
  /**
   * The candles that changed since the last look at an open window, at most about once a second. What was too
   * soon for that is published when the shard's next window begins: else nobody sees it before the final
   * candle. Not if a batch came between them that this process has not seen: another one may have closed the
   * window.
   */
  publishProvisional(
    key: WindowKey,
    window: WindowState,
    batch: Cause & Pick<BatchHeader, 'epoch' | 'sequence'>,
  ): Promise<void>;
  /** Every candle of a final window: the same version always has the same content, so it may be repeated. */
  publishFinal(key: WindowKey, window: WindowState, cause: Cause): Promise<void>;
  /** The candles of a final window that a late batch or a late gap changed. */
  publishRevised(
    key: WindowKey,
    window: WindowState,
    changed: readonly string[],
    cause: Cause,
  ): Promise<void>;
}

/** How candles are published. */
export interface PublisherOptions {
  readonly topic: string;
  readonly provisionalMs: number;
  /** Monotonic milliseconds, for the throttle. */
  readonly monotonicMs: () => number;
}

/** The last provisional publication of a window. */
interface LastShown {
  readonly atMs: number;
  readonly version: number;
}

/** A window that changed too soon after its last provisional publication. */
interface Held {
  readonly key: WindowKey;
  readonly window: WindowState;
  /** The batch that changed it. */
  readonly epoch: number;
  readonly sequence: number;
}

/** Most windows whose last provisional publication is remembered, and most shards of which one is held back. */
const MAX_SHOWN = 1_000;

/** A publisher over a producer of events. */
export function createCandlePublisher(producer: EventProducer, options: PublisherOptions): CandlePublisher {
  const shown = new LRUCache<string, LastShown>({ max: MAX_SHOWN });
  const held = new LRUCache<string, Held>({ max: MAX_SHOWN });

  async function publish(
    key: WindowKey,
    window: WindowState,
    kind: CandleBatchKind,
    rows: Iterable<WindowRow>,
    { traceparent, sampled }: Cause,
  ): Promise<void> {
    const candles = Array.from(rows, (row) => publishedCandle(window, row));
    const mark = sampled === undefined ? {} : { sampled };
    const batch = { ...key, windowMs: WINDOW_MS, kind, version: window.version, ...mark, candles };
    await producer.send(options.topic, formatCandleBatch(batch, traceparent));
  }

  async function show(key: WindowKey, window: WindowState, cause: Cause): Promise<void> {
    const last = shown.get(textOf(key));
    shown.set(textOf(key), { atMs: options.monotonicMs(), version: window.version });
    const changed = [...window.rows.values()].filter(
      (row) => shownRow(window, row).version > (last?.version ?? 0),
    );
    await publish(key, window, 'provisional', changed, cause);
  }

  return {
    async publishProvisional(key, window, batch) {
      const { epoch, sequence } = batch;
      const before = held.get(key.shard);
      held.delete(key.shard);
      if (
        before !== undefined &&
        before.key.windowStartMs < key.windowStartMs &&
        before.epoch === epoch &&
        (sequence === before.sequence || sequence === before.sequence + 1)
      )
        await show(before.key, before.window, batch);
      const last = shown.get(textOf(key));
      if (last !== undefined && options.monotonicMs() - last.atMs < options.provisionalMs)
        held.set(key.shard, { key, window, epoch, sequence });
      else await show(key, window, batch);
    },
    async publishFinal(key, window, cause) {
      shown.delete(textOf(key));
      if (held.get(key.shard)?.key.windowStartMs === key.windowStartMs) held.delete(key.shard);
      await publish(key, window, 'final', window.rows.values(), cause);
    },
    async publishRevised(key, window, changed, cause) {
      const rows = changed.map((symbol) => window.rows.get(symbol)).filter((row) => row !== undefined);
      await publish(key, window, 'revised', rows, cause);
    },
  };
}

function textOf({ shard, windowStartMs }: WindowKey): string {
  return `${shard}|${windowStartMs}`;
}
