import { feedOfShard } from '@kandle/market/event/shard';
import type { IndicatorBatch } from '@kandle/market/indicator/indicator-batch';
import type { SignalBatch } from '@kandle/market/signal/signal-batch';
import { checkedInt, dayOf, type PartitionRows, writeTimestamp } from './view-rows.ts';

/**
 * The rows of an indicator batch: one for each indicator that is warm, each in a partition of its symbol and
 * name.
 *
 * @throws {RangeError} If a version or a time does not fit its column.
 */
export function indicatorRows({
  shard,
  windowStartMs,
  indicators,
}: IndicatorBatch): readonly PartitionRows[] {
  const feed = feedOfShard(shard);
  const day = dayOf(windowStartMs);
  return indicators.flatMap(({ symbol, version, values }) => {
    const timestamp = writeTimestamp(windowStartMs, checkedInt(version));
    return Object.entries(values).map(
      ([name, value]): PartitionRows => [
        {
          view: 'indicators',
          columns: { feed, symbol, name, day, start: windowStartMs, value, version },
          timestamp,
        },
      ],
    );
  });
}

/**
 * The rows of a signal batch, in the partition of their feed and day. A retracted signal stays, as such.
 *
 * @throws {RangeError} If a version or a time does not fit its column.
 */
export function signalRows({ shard, signals }: SignalBatch): readonly PartitionRows[] {
  const feed = feedOfShard(shard);
  return signals.map(
    (signal): PartitionRows => [
      {
        view: 'signals',
        columns: {
          feed,
          day: dayOf(signal.windowStartMs),
          start: signal.windowStartMs,
          symbol: signal.symbol,
          rule: signal.rule,
          side: signal.side,
          strength: signal.strength,
          text: signal.text,
          state: signal.state,
          numbers: JSON.stringify(signal.numbers),
          caused_at: signal.causedAtMs,
          version: checkedInt(signal.version),
        },
        timestamp: writeTimestamp(signal.windowStartMs, signal.version),
      },
    ],
  );
}
