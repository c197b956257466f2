import type { KafkaMessage } from 'kafkajs';

/** A record and the partition it came from. */
export interface PolledRecord {
  readonly partition: number;
  readonly message: KafkaMessage;
}

/** What was fetched from Kafka and waits for the next poll. */
export interface PollBuffer {
  /** Adds what one fetch brought. @returns False if all of it was known. */
  add(partition: number, messages: readonly KafkaMessage[]): boolean;
  /**
   * Takes up to a number of records of partitions that are ready for more, one partition after the other, and
   * names the partitions that are empty now.
   */
  take(
    limit: number,
    isReady: (partition: number) => boolean,
  ): { readonly records: readonly PolledRecord[]; readonly drained: readonly number[] };
  /** Forgets every partition but these. @returns The partitions that it forgot records of. */
  retain(partitions: ReadonlySet<number>): readonly number[];
}

/** An empty buffer. Like Kafka's Java client, it gives out all of one partition before the next. */
export function createPollBuffer(): PollBuffer {
  const fetched = new Map<number, KafkaMessage[]>();
  /** Offsets up to which each partition was added: after a rebalance Kafka hands over again what is known. */
  const newest = new Map<number, bigint>();

  return {
    add(partition, messages) {
      const known = newest.get(partition) ?? -1n;
      const fresh = messages.filter((message) => BigInt(message.offset) > known);
      const last = fresh.at(-1);
      if (last === undefined) return false;
      newest.set(partition, BigInt(last.offset));
      fetched.set(partition, [...(fetched.get(partition) ?? []), ...fresh]);
      return true;
    },
    take(limit, isReady) {
      const records: PolledRecord[] = [];
      const drained: number[] = [];
      for (const [partition, messages] of fetched) {
        if (!isReady(partition)) continue;
        const taken = messages.splice(0, limit - records.length);
        records.push(...taken.map((message) => ({ partition, message })));
        if (messages.length === 0) {
          fetched.delete(partition);
          drained.push(partition);
        }
        if (records.length >= limit) break;
      }
      return { records, drained };
    },
    retain(partitions) {
      const gone = [...fetched.keys()].filter((partition) => !partitions.has(partition));
      for (const partition of gone) fetched.delete(partition);
      for (const partition of newest.keys()) if (!partitions.has(partition)) newest.delete(partition);
      return gone;
    },
  };
}
