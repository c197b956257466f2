import { z } from 'zod';
import { feedSource } from './batch-header.ts';
import type { Candle } from './candle.ts';
import { fromJsonInteger, type JsonInteger, toJsonInteger } from './fixed-point.ts';
import type { MarketEvent } from './market-event.ts';
import { isSymbol } from './symbol.ts';
import { EVENT_TYPES } from './topics.ts';
import { isFinal, type WindowRow, type WindowState } from './window-state.ts';

/** Where a candle is in its life. */
export type CandleState = 'provisional' | 'final' | 'revised';

/** What made a candle event: a look at an open window, a whole final window, or the rows a late batch changed. */
export type CandleBatchKind = CandleState;

/**
 * One candle as consumers see it: keep the highest `version` of a (symbol, window) and ignore lower ones.
 *
 * Prices, volume and price sum are in 1e-8 units, the notional in 1e-16.
 */
export interface PublishedCandle
  extends Pick<
    Candle,
    | 'symbol'
    | 'openE8'
    | 'highE8'
    | 'lowE8'
    | 'closeE8'
    | 'volumeE8'
    | 'notionalE16'
    | 'priceSumE8'
    | 'tradeCount'
  > {
  readonly version: number;
  readonly state: CandleState;
  readonly revision: number;
  readonly reason: string | null;
}

/** Changed candles of one shard and window. */
export interface CandleBatch {
  readonly shard: string;
  readonly windowStartMs: number;
  readonly windowMs: number;
  readonly kind: CandleBatchKind;
  readonly version: number;
  readonly candles: readonly PublishedCandle[];
}

/** Most candles in one event, so that it stays within Kafka's and KafkaSource's sizes. */
const MAX_CANDLES = 250;

/** The candle of a window's row: final candles carry at least the version that closed the window. */
export function publishedCandle(window: WindowState, row: WindowRow): PublishedCandle {
  const { candle } = row;
  return {
    symbol: candle.symbol,
    version: Math.max(row.version, window.finalVersion),
    state: !isFinal(window) ? 'provisional' : row.revision > 0 ? 'revised' : 'final',
    revision: row.revision,
    reason: row.reason,
    openE8: candle.openE8,
    highE8: candle.highE8,
    lowE8: candle.lowE8,
    closeE8: candle.closeE8,
    volumeE8: candle.volumeE8,
    notionalE16: candle.notionalE16,
    priceSumE8: candle.priceSumE8,
    tradeCount: candle.tradeCount,
  };
}

/**
 * The events of a candle batch, in parts of at most 250 candles, symbols ascending; none when it has no candle.
 *
 * The id `<shard>:<start>:<version>:<kind>:<part>` stands for one content.
 */
export function formatCandleBatch(batch: CandleBatch, traceparent?: string): readonly MarketEvent[] {
  const { candles, ...header } = batch;
  const sorted = candles.toSorted((a, b) => (a.symbol < b.symbol ? -1 : 1));
  const parts = Array.from({ length: Math.ceil(sorted.length / MAX_CANDLES) }, (_, part) =>
    sorted.slice(part * MAX_CANDLES, (part + 1) * MAX_CANDLES),
  );
  return parts.map((part, index) => ({
    id: `${batch.shard}:${batch.windowStartMs}:${batch.version}:${batch.kind}:${index}`,
    source: feedSource(batch.shard),
    type: EVENT_TYPES.candles,
    key: batch.shard,
    extensions: {
      partitionkey: batch.shard,
      shard: batch.shard,
      ...(traceparent === undefined ? {} : { traceparent }),
    },
    data: { ...header, candles: part.map(toJson) },
  }));
}

type CandleJson = Record<keyof PublishedCandle, JsonInteger | null>;

function toJson(candle: PublishedCandle): CandleJson {
  return {
    ...candle,
    openE8: toJsonInteger(candle.openE8),
    highE8: toJsonInteger(candle.highE8),
    lowE8: toJsonInteger(candle.lowE8),
    closeE8: toJsonInteger(candle.closeE8),
    volumeE8: toJsonInteger(candle.volumeE8),
    notionalE16: toJsonInteger(candle.notionalE16),
    priceSumE8: toJsonInteger(candle.priceSumE8),
  };
}

const exactInteger = z.union([z.number(), z.string()]).transform((value, context) => {
  try {
    return fromJsonInteger(value);
  } catch {
    context.addIssue({ code: 'custom', message: 'expected an integer' });
    return z.NEVER;
  }
});

const wholeNumber = z.number().int().min(0);

const CandleBatchData = z.object({
  shard: z.string().min(1).max(40),
  windowStartMs: wholeNumber,
  windowMs: z.number().int().min(1),
  kind: z.enum(['provisional', 'final', 'revised']),
  version: z.number().int().min(1),
  candles: z
    .array(
      z.object({
        symbol: z.string().refine(isSymbol, 'expected a symbol'),
        version: z.number().int().min(1),
        state: z.enum(['provisional', 'final', 'revised']),
        revision: wholeNumber,
        reason: z.string().max(64).nullable(),
        openE8: exactInteger,
        highE8: exactInteger,
        lowE8: exactInteger,
        closeE8: exactInteger,
        volumeE8: exactInteger,
        notionalE16: exactInteger,
        priceSumE8: exactInteger,
        tradeCount: z.number().int().min(1),
      }),
    )
    .max(10_000),
});

/** @throws {z.ZodError} If the data is no candle batch. */
export function parseCandleBatch(data: unknown): CandleBatch {
  return CandleBatchData.parse(data);
}
