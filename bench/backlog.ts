import type { MarketEvent } from '@kandle/market/event/market-event';
import { formatRawBatch, type RawRecord } from '@kandle/market/feed/raw-batch';
import { shardOf, shardsOf } from '@kandle/market/event/shard';
import { createTradeMemory } from '@kandle/market/feed/trade-identity';
import { priceOf, sizeOf } from '@kandle/feeds/simulator/frame-text';
import { createMarket, type SimulatedTrade } from '@kandle/feeds/simulator/market';

/** What waits in `market.raw.v1`. */
export interface BacklogOptions {
  readonly trades: number;
  readonly symbols: number;
  /** Trades a second of market time: how many meet in a window. */
  readonly rate: number;
  readonly shards: number;
  /** Most trades of a batch. */
  readonly batch: number;
}

const FEED = 'sim';
const DISORDER_MS = 1_000;
const MINUTE_MS = 60_000;
/** A watermark that closes every window. */
const CLOSE_MS = 60_000;

/** The raw batches of a simulated market, full ones as ingest makes them when it has fallen behind. */
export function* backlogOf({ trades, symbols, rate, shards, batch }: BacklogOptions): Generator<MarketEvent> {
  // Ended a while ago, so that nothing is ahead of the clock.
  const startMs = Math.floor((Date.now() - (trades / rate) * 1_000) / MINUTE_MS - 2) * MINUTE_MS;
  const market = createMarket({ seed: 1, rate, symbols, startMs });
  const memory = createTradeMemory();
  const lines = new Map(
    shardsOf(FEED, shards).map((shard) => [shard, { records: [] as RawRecord[], sequence: 0 }]),
  );
  let newestMs = startMs;

  function take(shard: string, watermarkMs: number): MarketEvent {
    const line = lines.get(shard) ?? { records: [], sequence: 0 };
    line.sequence += 1;
    const records = line.records.splice(0);
    const { sequence } = line;
    return formatRawBatch({
      shard,
      epoch: startMs,
      sequence,
      watermarkMs,
      ingestTimeMs: Date.now(),
      records,
    });
  }

  for (let made = 0; made < trades; ) {
    for (const trade of market.step().flat()) {
      if (made === trades) break;
      made += 1;
      newestMs = Math.max(newestMs, trade.eventTimeMs);
      const shard = shardOf(FEED, trade.instrument.symbol, shards);
      const line = lines.get(shard);
      line?.records.push(rawRecord(trade));
      if (line?.records.length === batch) yield take(shard, newestMs - DISORDER_MS);
    }
    memory.forgetOutside([[newestMs - MINUTE_MS, Number.POSITIVE_INFINITY]]);
  }
  for (const shard of lines.keys()) yield take(shard, newestMs + CLOSE_MS);

  function rawRecord(trade: SimulatedTrade): RawRecord {
    const record = {
      s: trade.instrument.symbol,
      p: priceOf(trade),
      t: trade.eventTimeMs,
      v: sizeOf(trade),
      c: null,
    };
    const tuple = {
      symbol: record.s,
      eventTimeMs: record.t,
      price: record.p,
      size: record.v,
      conditions: null,
    };
    const id = memory.identify(tuple, 1);
    if (id === null) throw new Error('One connection never delivers a trade twice');
    return { id, record };
  }
}
