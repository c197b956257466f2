import { feedOfShard } from '@kandle/market/event/shard';
import type { FeedGap } from '@kandle/market/feed/feed-gap';
import { dayOf, type PartitionRows, type RowOf, writeTimestamp } from './view-rows.ts';

/** Dropped records that are told apart in a write timestamp. */
const MAX_ORDER = 999;

/**
 * The row of a gap in `feed_gaps`, under the day on which it began.
 *
 * Its timestamp is where the gap ends, not where it begins: of two reports of one gap the longer stays, in any
 * order. With equal timestamps Cassandra would keep whichever came last. What a backfill made of it stands in
 * columns of its own, as of when it was told.
 *
 * @throws {RangeError} If a time is beyond the year 2255.
 */
export function gapRows(gap: FeedGap): readonly PartitionRows[] {
  const { shard, fromMs, toMs, reason, droppedRecords, backfill } = gap;
  const key = { feed: feedOfShard(shard), day: dayOf(fromMs), from_time: fromMs, shard, reason };
  const row: RowOf<'feed_gaps'> = {
    view: 'feed_gaps',
    columns: { ...key, to_time: toMs, dropped_records: BigInt(droppedRecords) },
    timestamp: writeTimestamp(toMs, Math.min(droppedRecords, MAX_ORDER)),
  };
  if (backfill === undefined) return [[row]];
  return [
    [
      row,
      {
        view: 'gap_backfills',
        columns: {
          ...key,
          backfill_state: backfill.state,
          backfill_source: backfill.source,
          backfilled_trades: BigInt(backfill.trades),
          backfill_left: JSON.stringify(backfill.left),
          backfill_note: backfill.note,
          backfilled_at: backfill.atMs,
        },
        timestamp: writeTimestamp(backfill.atMs),
      },
    ],
  ];
}
