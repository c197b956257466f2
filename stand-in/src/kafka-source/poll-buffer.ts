import type { KafkaMessage } from 'kafkajs';

/** A record and the partition it came from. */
export interface PolledRecord {
  readonly partition: number;
  readonly message: KafkaMessage;
}

/** What was fetched from Kafka and waits for the next polls. */
export interface PollBuffer {
  /** Adds what one fetch brought. @returns False if all of it was known. */
  add(partition: number, messages: readonly KafkaMessage[]): boolean;
  /** Fetches of a partition that wait. */
  fetches(partition: number): number;
  /**
   * Takes up to a number of records of partitions that are ready for more, one partition after the other and of
   * each no more than one fetch brought, and names the partitions that records were taken of.
   */
  take(
    limit: number,
    isReady: (partition: number) => boolean,
  ): { readonly records: readonly PolledRecord[]; readonly partitions: readonly number[] };
  /** Forgets every partition but these. @returns The partitions that it forgot records of. */
  retain(partitions: ReadonlySet<number>): readonly number[];
}

/** An empty buffer. Like Kafka's Java client, it gives out a fetch of one partition, then of the next. */
export function createPollBuffer(): PollBuffer {
  const fetched = new Map<number, KafkaMessage[][]>();
  /** Offsets up to which each partition was added: after a rebalance Kafka hands over again what is known. */
  const newest = new Map<number, bigint>();

  return {
    add(partition, messages) {
      const known = newest.get(partition) ?? -1n;
      const fresh = messages.filter((message) => BigInt(message.offset) > known);
      const last = fresh.at(-1);
      if (last === undefined) return false;
      newest.set(partition, BigInt(last.offset));
      fetched.set(partition, [...(fetched.get(partition) ?? []), fresh]);
      return true;
    },
    fetches: (partition) => fetched.get(partition)?.length ?? 0,
    take(limit, isReady) {
      const records: PolledRecord[] = [];
      const partitions: number[] = [];
      // As it is now: what is left of a partition is put behind the others, for the next poll.
      const before = [...fetched];
      for (const [partition, [oldest = [], ...later]] of before) {
        if (records.length >= limit) break;
        if (!isReady(partition)) continue;
        const taken = oldest.splice(0, limit - records.length);
        records.push(...taken.map((message) => ({ partition, message })));
        partitions.push(partition);
        if (oldest.length > 0) continue;
        // Last of all next time: no partition waits for another that always has more.
        fetched.delete(partition);
        if (later.length > 0) fetched.set(partition, later);
      }
      return { records, partitions };
    },
    retain(partitions) {
      const gone = [...fetched.keys()].filter((partition) => !partitions.has(partition));
      for (const partition of gone) fetched.delete(partition);
      for (const partition of newest.keys()) if (!partitions.has(partition)) newest.delete(partition);
      return gone;
    },
  };
}
