import { EVENT_TYPES } from '@kandle/market/event/topics';
import { parseEventData } from '@kandle/runtime/received-event';
import { z } from 'zod';
import type { Columns } from '../values/columns.ts';
import type { TopicEvent } from './raw-batch.ts';

/** The newest event of a candle, as a consumer of `market.candles.v1` keeps it. */
export interface CandleEvent {
  readonly version: number;
  readonly columns: Columns;
}

/** The newest candle events of some shards. */
export interface CandleLog {
  /** @throws {RangeError} If more candles would have to be held than is allowed. */
  take(event: TopicEvent): void;
  /** The candles of a window by symbol; asked once, and then forgotten. */
  takeWindow(shard: string, windowStartMs: number): ReadonlyMap<string, CandleEvent>;
  /** The windows that nobody has asked for. */
  rest(): Iterable<{ readonly shard: string; readonly windowStartMs: number }>;
  /** True if the topic may have lost the window's events to its retention. */
  isCut(shard: string, windowStartMs: number): boolean;
}

const integer = z.union([z.number(), z.string().regex(/^-?\d{1,60}$/)]);
const Batch = z.object({
  shard: z.string(),
  windowStartMs: z.number().int(),
  kind: z.string(),
  candles: z.array(
    z.object({
      symbol: z.string(),
      version: z.number().int(),
      state: z.string(),
      revision: z.number().int(),
      reason: z.string().nullable(),
      complete: z.boolean().default(true),
      lastTradeMs: z.number().int().nullable().default(null),
      rank: z.number().int().default(0),
      openE8: integer,
      highE8: integer,
      lowE8: integer,
      closeE8: integer,
      volumeE8: integer,
      notionalE16: integer,
      priceSumE8: integer,
      tradeCount: z.number().int(),
    }),
  ),
});

type CandleJson = z.infer<typeof Batch>['candles'][number];

/** How a topic of candles is read. */
export interface CandleLogOptions {
  /** The topic no longer begins with its first record. */
  readonly hasLostRecords: boolean;
  /** Windows that will be asked for: of others nothing is held. */
  readonly isWanted: (shard: string, windowStartMs: number) => boolean;
  /** Most candles held at once, about 500 bytes each. */
  readonly maxHeld: number;
}

/** A log of candles of which nothing was read. */
export function createCandleLog({ hasLostRecords, isWanted, maxHeld }: CandleLogOptions): CandleLog {
  const windows = new Map<string, Map<string, CandleJson>>();
  /** The first window of each shard that was open while its events were still kept. */
  const firstOpen = new Map<string, number>();
  let held = 0;
  return {
    take(event) {
      if (event.attributes['type'] !== EVENT_TYPES.candles) return;
      const parsed = Batch.safeParse(dataOf(event.value));
      if (!parsed.success) return;
      const { shard, windowStartMs, kind, candles } = parsed.data;
      if (kind === 'provisional' && !firstOpen.has(shard)) firstOpen.set(shard, windowStartMs);
      if (!isWanted(shard, windowStartMs)) return;
      const key = `${shard}|${windowStartMs}`;
      const window = windows.get(key) ?? new Map<string, CandleJson>();
      windows.set(key, window);
      const before = window.size;
      for (const candle of candles) {
        const known = window.get(candle.symbol);
        if (known === undefined || known.version <= candle.version) window.set(candle.symbol, candle);
      }
      held += window.size - before;
      if (held > maxHeld) {
        throw new RangeError(
          `Cannot audit: a partition has more than ${maxHeld} candles in market.candles.v1; ` +
            'narrow it down with --since and --until, or allow more with --max-held and the memory for it',
        );
      }
    },
    takeWindow(shard, windowStartMs) {
      const key = `${shard}|${windowStartMs}`;
      const window = windows.get(key) ?? new Map<string, CandleJson>();
      windows.delete(key);
      held -= window.size;
      return new Map(
        [...window].map(([symbol, json]) => [symbol, { version: json.version, columns: columnsOf(json) }]),
      );
    },
    *rest() {
      for (const key of windows.keys()) {
        const [shard = '', windowStartMs] = key.split('|');
        yield { shard, windowStartMs: Number(windowStartMs) };
      }
    },
    isCut: (shard, windowStartMs) =>
      hasLostRecords && windowStartMs <= (firstOpen.get(shard) ?? Number.POSITIVE_INFINITY),
  };
}

function dataOf(value: Uint8Array): unknown {
  try {
    return parseEventData(value);
  } catch {
    return undefined;
  }
}

function columnsOf(candle: CandleJson): Columns {
  return {
    version: candle.version,
    state: candle.state,
    revision: candle.revision,
    reason: candle.reason ?? '',
    complete: candle.complete,
    last_trade_ms: candle.lastTradeMs,
    price_rank: candle.rank,
    open_e8: BigInt(candle.openE8),
    high_e8: BigInt(candle.highE8),
    low_e8: BigInt(candle.lowE8),
    close_e8: BigInt(candle.closeE8),
    volume_e8: BigInt(candle.volumeE8),
    notional_e16: BigInt(candle.notionalE16),
    price_sum_e8: BigInt(candle.priceSumE8),
    trade_count: candle.tradeCount,
  };
}
