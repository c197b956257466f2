import { type CandleBatch, parseCandleBatch } from '@kandle/market/candle/candle-batch';
import { formatFeedGap } from '@kandle/market/feed/feed-gap';
import { e8 } from '@kandle/market/number/fixed-point';
import { formatTradeBatch, type TradeBatch } from '@kandle/market/trade/trade-batch';
import type { Trade } from '@kandle/market/trade/trade';
import { RetryableError } from '@kandle/runtime/errors';
import type { ReceivedEvent } from '@kandle/runtime/received-event';
import { createRecentWindows } from '@kandle/runtime/recent-windows';
import type { Fault } from '@kandle/testkit/faulty-database';
import { createAggregate } from '../src/handler.ts';
import { countOutcomes, createAggregateMetrics } from '../src/metrics.ts';
import { createCandlePublisher } from '../src/publish.ts';
import { createFaultyStores } from './faulty-stores.ts';
import { createMemoryStores } from './memory-stores.ts';

export const SHARD = 'finnhub-03';
/** A window's start; 2 s of grace, and a clock that stands ten seconds later. */
export const W0 = 1_700_000_000_000;

export function trade(id: string, offsetMs: number, price: number, size = 1): Trade {
  return {
    id,
    symbol: 'A',
    eventTimeMs: W0 + offsetMs,
    priceE8: e8(BigInt(price) * 100_000_000n),
    sizeE8: e8(BigInt(size) * 100_000_000n),
  };
}

export function batchEvent(
  sequence: number,
  trades: readonly Trade[],
  watermarkOffsetMs: number,
  epoch = 1,
): ReceivedEvent {
  const batch: TradeBatch = {
    shard: SHARD,
    epoch,
    sequence,
    watermarkMs: W0 + watermarkOffsetMs,
    ingestTimeMs: W0 + watermarkOffsetMs,
    trades,
  };
  const event = formatTradeBatch(batch);
  return {
    ...event,
    attributes: event.extensions,
    data: structuredClone(event.data),
    offset: BigInt(sequence),
  };
}

/** The handler on stores in memory, whose writes wait and go wrong as told; what it tells is kept. */
export function createRig(faults: Fault[] = [], beforeWrite = async () => undefined as void) {
  let waitedMs = 0;
  const published: CandleBatch[] = [];
  let failNextSend = false;
  const stores = createMemoryStores();
  const database = { ...stores, ...createFaultyStores(stores) };
  const counted = new Map<string, number>();
  const metrics = createAggregateMetrics({
    counter: (name) => ({
      add: (value, { outcome = '' } = {}) => {
        const label = `${name.replace(/^aggregate_|_total$/g, '')}${outcome && ` ${outcome}`}`;
        counted.set(label, (counted.get(label) ?? 0) + value);
      },
    }),
    histogram: () => ({ record: () => undefined }),
  });
  const create = () =>
    createAggregate({
      metrics,
      ...countOutcomes(
        database.connect(async () => {
          await beforeWrite();
          return faults.shift() ?? 'none';
        }),
        metrics.casOutcomes,
      ),
      candles: createCandlePublisher(
        {
          send: async (_topic, events) => {
            if (failNextSend) {
              failNextSend = false;
              throw new RetryableError('Cannot produce: the broker is away');
            }
            published.push(
              ...events.map((event) => parseCandleBatch(JSON.parse(JSON.stringify(event.data)))),
            );
          },
          connect: async () => undefined,
          close: async () => undefined,
        },
        { topic: 'candles', provisionalMs: 1_000, monotonicMs: () => 0 },
      ),
      cache: createRecentWindows({ maxRows: 1_000, monotonicMs: () => performance.now() }),
      graceMs: 2_000,
      expiryMs: 86_400_000,
      behindMs: 15_000,
      maxAttempts: 5,
      wallMs: () => W0 + 10_000 + waitedMs,
      backOff: async () => undefined,
    });
  return {
    create,
    database,
    published,
    counted,
    failSend: () => {
      failNextSend = true;
    },
    wait: (ms: number) => {
      waitedMs += ms;
    },
  };
}

export function gapEvent(fromMs: number, toMs: number): ReceivedEvent {
  const gap = { shard: SHARD, fromMs, toMs, reason: 'silent', droppedRecords: 0 } as const;
  const event = formatFeedGap(gap, 1);
  return { ...event, attributes: event.extensions, data: structuredClone(event.data), offset: null };
}
