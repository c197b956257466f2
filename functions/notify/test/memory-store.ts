import type { Notice, StoredNotice } from '@kandle/market/notification/signal-record';
import type { CasOutcome } from '@kandle/runtime/conditional';
import type { NoticeStore, SignalKey } from '../src/store.ts';

interface Row extends Notice {
  readonly leasedUntilMs: number;
}

interface Partition {
  revision: number;
  readonly rows: Map<string, Row>;
}

/** The record in memory, under the same contract as the real one. `nowMs` is the database's clock. */
export interface MemoryStore extends NoticeStore {
  all(): readonly StoredNotice[];
}

/** An empty record. */
export function createMemoryStore(nowMs: () => number): MemoryStore {
  const partitions = new Map<string, Partition>();
  const rowKey = ({ target, version }: Notice): string => `${target}|${version}`;

  function partitionOf({ feed, signalId }: SignalKey): Partition {
    const name = `${feed}|${signalId}`;
    const partition = partitions.get(name) ?? { revision: 0, rows: new Map() };
    partitions.set(name, partition);
    return partition;
  }
  const toStored = ({ leasedUntilMs, ...notice }: Row): StoredNotice => ({
    ...notice,
    isLeased: leasedUntilMs > nowMs(),
  });

  return {
    async read(key) {
      const { revision, rows } = partitionOf(key);
      return { revision, notices: [...rows.values()].map(toStored) };
    },
    async decide(key, revision, notices, leaseMs): Promise<CasOutcome> {
      const partition = partitionOf(key);
      if (partition.revision !== revision) return 'lost';
      partition.revision += 1;
      for (const notice of notices) {
        const leasedUntilMs = notice.status === 'claimed' ? nowMs() + leaseMs : 0;
        partition.rows.set(rowKey(notice), { ...notice, leasedUntilMs });
      }
      return 'applied';
    },
    async finish(key, notice): Promise<CasOutcome> {
      const { rows } = partitionOf(key);
      const row = rows.get(rowKey(notice));
      if (row === undefined) return 'lost';
      const isOpen =
        notice.status === 'sent'
          ? row.status !== 'sent' && row.status !== 'skipped'
          : row.status === 'claimed' && row.attempts === notice.attempts;
      if (!isOpen) return 'lost';
      rows.set(rowKey(notice), { ...notice, leasedUntilMs: 0 });
      return 'applied';
    },
    all: () => [...partitions.values()].flatMap(({ rows }) => [...rows.values()].map(toStored)),
  };
}
