import { formatFeedGap } from '@kandle/market/feed/feed-gap';
import { expect, test } from 'vitest';
import { received, rowsOf, table, W0 } from '../../test/row-events.ts';

test('rowsOf() keeps the longest report of a gap, in any order', () => {
  const reports = [4, 9, 7].map((toMs) =>
    received(
      formatFeedGap(
        { shard: 'finnhub-03', fromMs: W0, toMs: W0 + toMs, reason: 'silent', droppedRecords: 0 },
        1,
      ),
    ),
  );
  for (const order of [reports, reports.toReversed()]) {
    const [row] = table(order.flatMap((event) => rowsOf(event).flat())).values();
    expect(row?.['to_time']).toBe(W0 + 9);
  }
});
