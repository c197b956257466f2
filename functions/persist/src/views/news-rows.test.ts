import { expect, test } from 'vitest';
import { newsEvent, rowsOf, table, W0 } from '../../test/row-events.ts';

test('rowsOf() keeps what ingest saw last of a piece of news, in any order, and says whether it is rated', () => {
  const events = [newsEvent(W0, {}), newsEvent(W0 + 5, { headline: 'y', sentiment: -0.5 })];
  for (const order of [events, events.toReversed()]) {
    const [row, ...others] = table(order.flatMap((event) => rowsOf(event).flat())).values();
    const rating = { feed: 'sim', time: W0, symbol: 'A', id: '5', sentiment: -0.5, rated: true };
    expect(others).toEqual([{ ...rating, bucket: W0 - (W0 % 3_600_000) }]);
    expect(row).toEqual({
      feed: 'sim',
      symbol: 'A',
      day: '2023-11-14',
      time: W0,
      id: '5',
      headline: 'y',
      summary: '',
      source: '',
      category: '',
      url: '',
      sentiment: -0.5,
      rated: true,
    });
  }
  expect(rowsOf(newsEvent(W0, {}))[0]?.[0]?.columns).toMatchObject({ sentiment: 0, rated: false });
});
