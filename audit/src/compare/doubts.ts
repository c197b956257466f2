import { feedOf } from '../values/scope.ts';

/** Where the audit's own reading is in doubt, and why: nothing is repaired there. */
export interface Doubts {
  /** Notes why what the log says of a shard may not be all that there was. */
  add(shard: string, reason: string): void;
  /** Why a shard is in doubt, in a few words; null if it is not. */
  ofShard(shard: string): string | null;
  /**
   * The same for rows of a symbol of which the log knows no trade: any shard of its feed may have been its own.
   */
  ofFeed(feed: string): string | null;
}

/** No doubts yet. @param knownShards The shards of the log. */
export function createDoubts(knownShards: () => Iterable<string>): Doubts {
  const reasons = new Map<string, Set<string>>();

  function ofShard(shard: string): string | null {
    const known = reasons.get(shard);
    return known === undefined ? null : [...known].join('; ');
  }

  return {
    add(shard, reason) {
      const known = reasons.get(shard) ?? new Set<string>();
      reasons.set(shard, known.add(reason));
    },
    ofShard,
    ofFeed(feed) {
      const shards = [...knownShards()].filter((shard) => feedOf(shard) === feed);
      if (shards.length === 0) return 'the log knows nothing of this feed';
      const doubtful = shards.find((shard) => ofShard(shard) !== null);
      return doubtful === undefined ? null : `${doubtful}: ${ofShard(doubtful)}`;
    },
  };
}
