import { expect, test } from 'vitest';
import { formatBatchRejects, formatRejects, type Reject } from './rejects.ts';

const REJECT: Reject = { id: '1:finnhub-03:17:0', reason: 'bad_price', detail: 'price 0', record: { p: 0 } };

test('formatBatchRejects() makes the event of the contract, when a batch has rejects', () => {
  expect(formatBatchRejects('1:finnhub-03:17', 'finnhub-03', [REJECT])).toEqual({
    id: '1:finnhub-03:17:rejects',
    source: '/feeds/finnhub',
    type: 'io.kandle.rejects.v1',
    key: 'finnhub-03',
    extensions: { partitionkey: 'finnhub-03' },
    data: { rejects: [REJECT] },
  });
});

test('formatRejects() takes any key and source, when a frame belongs to no shard', () => {
  expect(formatRejects('c1:5', 'finnhub', '/feeds/finnhub', [])).toMatchObject({
    id: 'c1:5:rejects',
    key: 'finnhub',
    source: '/feeds/finnhub',
    extensions: { partitionkey: 'finnhub' },
    data: { rejects: [] },
  });
});
