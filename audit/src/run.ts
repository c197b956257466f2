import type { Client } from 'cassandra-driver';
import type { Flow, Reached } from './consumers.ts';
import type { DeadLetters } from './dead-letters.ts';
import type { LookedAt } from './looked-at.ts';
import type { Gap } from './raw-batch.ts';
import type { ShardLog } from './raw-log.ts';
import type { Report } from './report.ts';
import type { Scope } from './scope.ts';
import type { Stored } from './stored.ts';
import type { Kafka } from './topic-reader.ts';
import type { WindowIndex } from './window-index.ts';

/** What the steps of one audit share. */
export interface Run {
  readonly kafka: Kafka;
  readonly client: Client;
  readonly flow: Flow;
  readonly scope: Scope;
  readonly horizonMs: number;
  readonly graceMs: number;
  readonly maxHeldTrades: number;
  /** The raw topic no longer begins with its first record, in one partition at least. */
  readonly hasLostRecords: boolean;
  readonly stored: Stored;
  readonly dead: DeadLetters;
  readonly reached: Reached;
  readonly index: WindowIndex;
  readonly lookedAt: LookedAt;
  readonly report: Report;
  readonly isWanted: (shard: string, windowStartMs: number) => boolean;
  /** Filled as the partitions are read: the shards of the log, where each symbol belongs, and the gaps. */
  readonly shards: Map<string, ShardLog>;
  readonly shardOfSymbol: Map<string, string>;
  readonly gaps: Gap[];
}
