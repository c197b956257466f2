import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { GAP_REASONS, type FeedGap, formatFeedGap, parseFeedGap } from './feed-gap.ts';

const gaps: fc.Arbitrary<FeedGap> = fc
  .record({
    shard: fc.constantFrom('finnhub-03', 'a-b-00'),
    fromMs: fc.nat(),
    toMs: fc.nat(5),
    reason: fc.constantFrom(...GAP_REASONS),
    droppedRecords: fc.nat(5),
  })
  .map((gap) => ({ ...gap, toMs: gap.fromMs + gap.toMs }));

test('parseFeedGap() gives the gap back, when it went through an event and JSON', () => {
  fc.assert(
    fc.property(gaps, (gap) => {
      expect(parseFeedGap(JSON.parse(JSON.stringify(formatFeedGap(gap, 1).data)))).toEqual(gap);
    }),
  );
});

const GAP: FeedGap = { shard: 'finnhub-03', fromMs: 5, toMs: 9, reason: 'silent', droppedRecords: 0 };

test('formatFeedGap() makes the event of the contract, when there is a gap', () => {
  expect(formatFeedGap(GAP, 1_764_000_000_000)).toEqual({
    id: '1764000000000:finnhub-03:gap:5:silent',
    source: '/feeds/finnhub',
    type: 'io.kandle.feed.gap.v1',
    key: 'finnhub-03',
    extensions: { partitionkey: 'finnhub-03', shard: 'finnhub-03' },
    data: GAP,
  });
});

test.each<[string, unknown]>([
  ['is null', null],
  ['is empty', {}],
  ['has an empty shard', { ...GAP, shard: '' }],
  ['has a shard of 41 characters', { ...GAP, shard: 'x'.repeat(41) }],
  ['has a negative beginning', { ...GAP, fromMs: -1 }],
  ['has a broken end', { ...GAP, toMs: 9.5 }],
  ['ends before it begins', { ...GAP, toMs: 4 }],
  ['has an end that is text', { ...GAP, toMs: '9' }],
  ['has an unknown reason', { ...GAP, reason: 'asleep' }],
  ['has a negative count', { ...GAP, droppedRecords: -1 }],
])('parseFeedGap() refuses, when the data %s', (_, data) => {
  expect(() => parseFeedGap(data)).toThrow(z.ZodError);
});
