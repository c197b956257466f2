import { setTimeout as sleep } from 'node:timers/promises';
import type { Admin } from 'kafkajs';

/** The names of topics and of the consumer groups that read them. */
export interface Flow {
  readonly rawTopic: string;
  readonly tradesTopic: string;
  readonly candlesTopic: string;
  readonly rejectsTopic: string;
  readonly deadTopic: string;
  /** The ledger of the dead letters that were sent again. */
  readonly redrivenTopic: string;
  /** Null if nobody commits offsets: then everything counts as taken. */
  readonly groups: {
    readonly transform: string;
    readonly aggregate: string;
    readonly persistTrades: string;
    readonly persistCandles: string;
  } | null;
}

/** How far the functions have come: for partitions of the raw topic, which of their effects must be there. */
export interface Reached {
  /** `windows` and candle events, rows of `trades`, rows of `candles_5s`. */
  windows(partitions: readonly number[]): boolean;
  trades(partitions: readonly number[]): boolean;
  candles(partitions: readonly number[]): boolean;
}

const POLL_MS = 250;

/**
 * Waits until the functions have taken everything that the raw topic held when this began, stage by stage.
 *
 * Partitions correspond by number, for the key is the shard in every topic; where topics differ in their number
 * of partitions, one that lags makes all of them lag.
 *
 * @param waitMs Upper limit; what was not reached by then is not judged.
 */
export async function waitForConsumers(admin: Admin, flow: Flow, waitMs: number): Promise<Reached> {
  const { groups } = flow;
  if (groups === null) return { windows: () => true, trades: () => true, candles: () => true };
  const deadline = performance.now() + waitMs;

  /** The partitions where the group has not come to the end as it was at the first look. */
  async function lagging(topic: string, group: string): Promise<ReadonlySet<number>> {
    const ends = await admin.fetchTopicOffsets(topic);
    for (;;) {
      const [committed] = await admin.fetchOffsets({ groupId: group, topics: [topic] });
      const offsets = new Map(
        committed?.partitions.map(({ partition, offset }) => [partition, Number(offset)]),
      );
      const behind = ends.filter(
        ({ partition, low, high }) => low !== high && (offsets.get(partition) ?? -1) < Number(high),
      );
      if (behind.length === 0) return new Set();
      if (performance.now() > deadline)
        return spread(
          behind.map(({ partition }) => partition),
          ends.length,
        );
      await sleep(POLL_MS);
    }
  }

  const partitionCount = (await admin.fetchTopicOffsets(flow.rawTopic)).length;

  function spread(behind: readonly number[], count: number): ReadonlySet<number> {
    return count === partitionCount
      ? new Set(behind)
      : new Set(Array.from({ length: partitionCount }, (_, partition) => partition));
  }

  const [transform, persistTrades] = await Promise.all([
    lagging(flow.rawTopic, groups.transform),
    lagging(flow.rawTopic, groups.persistTrades),
  ]);
  const aggregate = await lagging(flow.tradesTopic, groups.aggregate);
  const persistCandles = await lagging(flow.candlesTopic, groups.persistCandles);
  const none = (partitions: readonly number[], ...sets: readonly ReadonlySet<number>[]): boolean =>
    sets.every((set) => !partitions.some((partition) => set.has(partition)));
  return {
    windows: (partitions) => none(partitions, transform, aggregate),
    trades: (partitions) => none(partitions, persistTrades),
    candles: (partitions) => none(partitions, transform, aggregate, persistCandles),
  };
}
