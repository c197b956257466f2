import { expect, test } from 'vitest';
import { outageSpan } from './outage.ts';

const seen = { maxEventTimeMs: 1_000_000, reachedAtMs: 500 };

test.each([
  [
    'a busy shard: from its last event, less the disorder',
    { aliveMs: 600, backMs: 10_500 },
    { fromMs: 999_100, toMs: 1_010_000 },
  ],
  [
    'a quiet shard: from where the feed was, less the disorder',
    { aliveMs: 60_500, backMs: 70_500 },
    { fromMs: 1_059_000, toMs: 1_070_000 },
  ],
  ['a feed whose time stood still', { aliveMs: 500, backMs: 500 }, { fromMs: 999_000, toMs: 1_000_000 }],
])('outageSpan() is right for %s', (_, outage, span) => {
  expect(outageSpan(seen, outage, 1_000)).toEqual(span);
});
