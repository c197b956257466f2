import type { IndicatorBatch } from '@kandle/market/indicator/indicator-batch';
import { feedOfShard } from '@kandle/market/event/shard';
import type { SignalBatch } from '@kandle/market/signal/signal-batch';
import { dayOf, type PartitionRows, writeTimestamp } from './view-rows.ts';

const MAX_INT = 2_147_483_647;

/**
 * The rows of an indicator batch: one for each indicator that is warm, each in a partition of its symbol and name.
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
  return indicators.flatMap(({ symbol, version, values }) =>
    Object.entries(values).map(
      ([name, value]): PartitionRows => [
        {
          view: 'indicators',
          values: [
            feed,
            symbol,
            name,
            day,
            windowStartMs,
            value,
            checked(version),
            writeTimestamp(windowStartMs, version),
          ],
        },
      ],
    ),
  );
}

/**
 * The rows of a signal batch, in the partition of their feed and day. A signal that was taken back stays, as such.
 *
 * @throws {RangeError} If a version or a time does not fit its column.
 */
export function signalRows({ shard, signals }: SignalBatch): readonly PartitionRows[] {
  const feed = feedOfShard(shard);
  return signals.map(
    (signal): PartitionRows => [
      {
        view: 'signals',
        values: [
          feed,
          dayOf(signal.windowStartMs),
          signal.windowStartMs,
          signal.symbol,
          signal.rule,
          signal.side,
          signal.strength,
          signal.text,
          signal.state,
          JSON.stringify(signal.numbers),
          signal.causedAtMs,
          checked(signal.version),
          writeTimestamp(signal.windowStartMs, signal.version),
        ],
      },
    ],
  );
}

function checked(version: number): number {
  if (version > MAX_INT) throw new RangeError('a version is beyond 2^31');
  return version;
}
