import type { DoneWindows, ShardState } from '@kandle/market/window/shard-state';
import type { BatchHeader } from '@kandle/market/event/batch-header';
import type { BatchPosition, WindowState } from '@kandle/market/window/window-state';
import type { ChangeLimits } from '@kandle/runtime/change-versioned';
import type { RecentWindows } from '@kandle/runtime/recent-windows';
import type { AggregateMetrics } from './metrics.ts';
import type { CandlePublisher } from './publish.ts';
import type { ShardStore, WindowStore } from './stores.ts';

/** What the aggregate function works with; clocks and chance come in from outside. */
export interface AggregateDeps extends ChangeLimits {
  readonly windows: WindowStore;
  readonly shards: ShardStore;
  readonly candles: CandlePublisher;
  /** The windows that this process wrote or read last, so that the usual batch needs no read. */
  readonly cache: RecentWindows<WindowState>;
  readonly graceMs: number;
  readonly expiryMs: number;
  /** A batch that has waited for longer makes no provisional candles. */
  readonly behindMs: number;
  /** Left out where nothing is counted. */
  readonly metrics?: AggregateMetrics;
  /** Wall clock, epoch milliseconds: only for the age of a batch, never for windows. */
  readonly wallMs: () => number;
}

/** What a process remembers of a shard from one batch to the next. */
export interface KnownShard {
  /** Its row as last seen. May be old: what is decided on it is checked by a transaction. */
  shard: ShardState;
  /** What this process has closed and published since; null for nothing. */
  done: DoneWindows | null;
}

/** What the steps of one batch share. */
export interface BatchWork extends KnownShard {
  readonly batch: BatchHeader;
  readonly position: BatchPosition;
  /** Windows that this batch put on the `open` list: most likely never written before. */
  readonly fresh: Set<number>;
}
