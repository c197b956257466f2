import { formatFeedGap } from '@kandle/market/feed-gap';
import { formatRawKind } from '@kandle/market/kind-batch';
import type { MarketEvent } from '@kandle/market/market-event';
import { formatRawBatch } from '@kandle/market/raw-batch';
import { expect, test } from 'vitest';
import { createRawLog } from './raw-log.ts';

const BATCH = {
  shard: 'sim-03',
  epoch: 7,
  sequence: 1,
  watermarkMs: 1_764_000_000_000,
  ingestTimeMs: 1_764_000_000_000,
  records: [{ id: 'a', record: { s: 'AAPL', p: 1, t: 1_764_000_000_000, v: 1, c: null } }],
};

function asRead({ id, type, source, extensions, data }: MarketEvent) {
  return {
    attributes: { id, type, source, ...extensions },
    value: Buffer.from(JSON.stringify(data)),
    partition: 3,
    offset: 0,
  };
}

test('take() passes books and news over, and calls unreadable only what is', async () => {
  const log = createRawLog({
    horizonMs: 900_000,
    hasLostRecords: false,
    maxHeldTrades: 100,
    release: 'at the end',
    isWanted: () => true,
    isDead: () => false,
    onStretch: async () => undefined,
  });
  const book = { id: 'x', record: { s: 'AAPL', t: 1_764_000_000_000, b: [[1, 1]], a: [[2, 1]] } };
  const gap = { shard: 'sim-03', fromMs: 1, toMs: 2, reason: 'silent', droppedRecords: 0 } as const;
  const events = [
    formatRawBatch(BATCH),
    formatRawKind('books', { ...BATCH, records: [book] }),
    formatRawKind('news', { ...BATCH, sequence: 5, records: [book] }),
    formatFeedGap(gap, 7),
    { ...formatRawBatch(BATCH), type: 'io.kandle.other.v1' },
  ];
  for (const event of events) await log.take(asRead(event));
  expect(log.counts).toMatchObject({ events: 5, batches: 1, repeatedBatches: 0, unreadable: 1, trades: 1 });
  expect(log.contradictions).toEqual([]);
});
