import type { Differences } from './compare/differences.ts';
import type { Doubts } from './compare/doubts.ts';
import type { LookedAt } from './compare/looked-at.ts';
import type { Flow, Reached } from './read/consumers.ts';
import type { DeadLetters } from './read/dead-letters.ts';
import type { LogIndex } from './read/log-index.ts';
import type { Gap } from './read/raw-batch.ts';
import type { Stored } from './read/stored.ts';
import type { WindowIndex } from './read/window-index.ts';
import type { ShardLog } from './recompute/raw-log.ts';
import type { RecomputedWindow } from './recompute/recomputed.ts';
import type { Scope } from './values/scope.ts';

/** What the steps of one audit share. */
export interface Run {
  readonly flow: Flow;
  readonly scope: Scope;
  readonly horizonMs: number;
  readonly graceMs: number;
  readonly maxHeldTrades: number;
  readonly logIndex: LogIndex;
  /** The raw topic no longer begins with its first record, in one partition at least. */
  readonly hasLostRecords: boolean;
  readonly stored: Stored;
  readonly dead: DeadLetters;
  readonly reached: Reached;
  readonly index: WindowIndex;
  readonly lookedAt: LookedAt;
  readonly differences: Differences;
  readonly doubts: Doubts;
  readonly isWanted: (shard: string, windowStartMs: number) => boolean;
  readonly onWindow: (window: RecomputedWindow) => void;
  /** Filled as the partitions are read: the shards of the log, and the gaps. */
  readonly shards: Map<string, ShardLog>;
  readonly gaps: Gap[];
}
