import { formatFeedGap } from '@kandle/market/feed/feed-gap';
import type { MarketEvent } from '@kandle/market/event/market-event';
import { formatRawBatch, type RawRecord } from '@kandle/market/feed/raw-batch';

/** Where the small market begins: on a whole five minutes. */
export const BEGIN_MS = 1_764_000_000_000;
export const EPOCH = 1_764_100_000_000;
const SHARDS = ['test-00', 'test-01'] as const;
const SYMBOLS: Readonly<Record<(typeof SHARDS)[number], readonly string[]>> = {
  'test-00': ['AAPL', 'EUR/USD'],
  'test-01': ['BINANCE:BTCUSDT'],
};
const BATCH_MS = 2_000;
const DISORDER_MS = 1_000;

/**
 * A market made of a seed: two shards, three symbols, ties, late trades, too late ones, price updates,
 * nonsense.
 */
export function createSmallMarket(seconds: number, ingestTimeMs: number): readonly MarketEvent[] {
  let state = 11;
  const below = (limit: number): number => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * limit);
  };
  let lastId = 0;
  const record = (symbol: string, eventTimeMs: number): RawRecord => {
    lastId += 1;
    const nonsense = below(40);
    return {
      id: `t${lastId}`,
      record: {
        s: nonsense === 0 ? 'no\u0007symbol' : symbol,
        p: nonsense === 1 ? -1 : (10_000 + below(500)) / 100,
        t: eventTimeMs,
        v: nonsense === 2 ? 0 : (1 + below(9)) / 1_000,
        c: null,
      },
    };
  };
  const events: MarketEvent[] = [];
  for (const shard of SHARDS) {
    let sequence = 0;
    const send = (records: readonly RawRecord[], watermarkMs: number): void => {
      sequence += 1;
      events.push(formatRawBatch({ shard, epoch: EPOCH, sequence, watermarkMs, ingestTimeMs, records }));
    };
    for (let atMs = BEGIN_MS; atMs < BEGIN_MS + seconds * 1_000; atMs += BATCH_MS) {
      const records = Array.from({ length: 2 + below(5) }, () => {
        const symbols = SYMBOLS[shard];
        const symbol = symbols[below(symbols.length)] ?? '';
        // Few milliseconds, so that times tie; now and then late by 20 s, or too late by two minutes.
        const chance = below(50);
        const lateMs = chance === 0 ? 20_000 : chance === 1 ? 120_000 : 0;
        return record(symbol, Math.max(BEGIN_MS, atMs + below(20) * 100 - lateMs));
      });
      send(records, atMs + BATCH_MS - DISORDER_MS);
    }
    // An outage, told late.
    events.push(
      formatFeedGap(
        {
          shard,
          fromMs: BEGIN_MS + 101_000,
          toMs: BEGIN_MS + 109_000,
          reason: 'disconnected',
          droppedRecords: 0,
        },
        EPOCH,
      ),
    );
    // The batch without trades that closes the last window.
    send([], BEGIN_MS + seconds * 1_000 + 10_000);
  }
  return events;
}
