import type { KafkaMessage } from 'kafkajs';

/** The records of one partition on their way to the function. */
export interface PartitionQueue {
  /** Takes a record in; one that is here or was here is known and left out. */
  push(message: KafkaMessage): void;
  /** Records taken in and not settled yet. */
  pending(): number;
  /** Records whose turn has not come. */
  waiting(): number;
  /** The offset up to which, exclusive, every record is settled; undefined before the first. */
  settled(): bigint | undefined;
  /** Forgets everything but what is under way: the partition is another consumer's now. */
  clear(): void;
  /** Resolves when nothing is under way any more. */
  idle(): Promise<void>;
}

/**
 * A queue that hands over records in order, one at a time, or all at once when it is unordered.
 *
 * @param handle Settles a record: true when it is done with, false when the queue is to stop there.
 */
export function createPartitionQueue(
  ordered: boolean,
  handle: (message: KafkaMessage) => Promise<boolean>,
): PartitionQueue {
  const waiting: KafkaMessage[] = [];
  /** Records taken in and not settled, in order: what is committed never passes the first of them. */
  const open = new Set<KafkaMessage>();
  const running = new Set<Promise<void>>();
  let last: bigint | undefined;
  let halted = false;

  async function settle(message: KafkaMessage): Promise<void> {
    if (await handle(message)) open.delete(message);
    else halted = true;
  }

  async function runInOrder(): Promise<void> {
    for (let next = waiting.shift(); next !== undefined && !halted; next = waiting.shift())
      await settle(next);
  }

  function track(work: Promise<void>): void {
    const tracked = work.finally(() => {
      running.delete(tracked);
      if (ordered && waiting.length > 0 && running.size === 0 && !halted) track(runInOrder());
    });
    running.add(tracked);
  }

  return {
    push(message) {
      const offset = BigInt(message.offset);
      // After a rebalance Kafka hands over again what no commit names yet.
      if (last !== undefined && offset <= last) return;
      open.add(message);
      last = offset;
      if (!ordered) track(settle(message));
      else {
        waiting.push(message);
        if (running.size === 0) track(runInOrder());
      }
    },
    pending: () => open.size,
    waiting: () => waiting.length,
    settled() {
      if (last === undefined) return undefined;
      const [first] = open;
      return first === undefined ? last + 1n : BigInt(first.offset);
    },
    clear() {
      waiting.length = 0;
      open.clear();
      last = undefined;
    },
    async idle() {
      while (running.size > 0) await Promise.all(running);
    },
  };
}
