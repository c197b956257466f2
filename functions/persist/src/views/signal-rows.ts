import { feedOfShard } from '@kandle/market/event/shard';
import type { IndicatorBatch } from '@kandle/market/indicator/indicator-batch';
import type { SignalBatch } from '@kandle/market/signal/signal-batch';
import { INDICATOR_KINDS, indicatorKindOf, type IndicatorKind } from '@kandle/market/indicator/indicators';
import { bucketOf } from '@kandle/market/view/buckets';
import { checkedInt, dayOf, type PartitionRows, type RowOf, writeTimestamp } from './view-rows.ts';

const COLD = Object.fromEntries(INDICATOR_KINDS.map((kind) => [kind, Number.NaN])) as Record<
  IndicatorKind,
  number
>;

/**
 * The rows of an indicator batch, in one partition: one for each symbol that has an indicator that is warm.
 * Those that are not are NaN.
 *
 * @throws {RangeError} If a version or a time does not fit its column, or an indicator has none.
 */
export function indicatorRows({
  shard,
  windowStartMs,
  indicators,
}: IndicatorBatch): readonly PartitionRows[] {
  const partition = { feed: feedOfShard(shard), shard, bucket: bucketOf('indicators', windowStartMs) };
  const rows = indicators.flatMap(({ symbol, version, values }): PartitionRows => {
    const names = Object.keys(values);
    if (names.length === 0) return [];
    const columns = {
      ...partition,
      symbol,
      start: windowStartMs,
      ...byKind(values),
      names: names.join(' '),
      version: checkedInt(version),
    };
    return [{ view: 'indicators', columns, timestamp: writeTimestamp(windowStartMs, version) }];
  });
  return rows.length === 0 ? [] : [rows];
}

/** A number for every kind of indicator: its value, or NaN while it is not warm. */
function byKind(values: Readonly<Record<string, number>>): Readonly<Record<IndicatorKind, number>> {
  const numbers = { ...COLD };
  for (const [name, value] of Object.entries(values)) {
    const kind = indicatorKindOf(name);
    if (kind === null) throw new RangeError(`the view has no column for the indicator ${name}`);
    numbers[kind] = value;
  }
  return numbers;
}

/**
 * The rows of a signal batch, in the partition of their feed and day. A retracted signal stays, as such.
 *
 * @throws {RangeError} If a version or a time does not fit its column.
 */
export function signalRows({ shard, signals }: SignalBatch): readonly PartitionRows[] {
  const feed = feedOfShard(shard);
  const rows = signals.map(
    (signal): RowOf<'signals'> => ({
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
    }),
  );
  return [...Map.groupBy(rows, ({ columns: { day } }) => day).values()];
}
