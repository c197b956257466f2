import { z } from 'zod';
import { feedSource } from '../event/batch-header.ts';
import { LOOK, type PriceRank } from '../trade/price-rank.ts';
import { rankOf } from '../trade/trade.ts';
import type { Candle } from './candle.ts';
import { e16, e8, fromJsonInteger, type JsonInteger, toJsonInteger } from '../number/fixed-point.ts';
import type { MarketEvent } from '../event/market-event.ts';
import { partsOf } from '../event/parts.ts';
import { isSymbol } from '../event/symbol.ts';
import { EVENT_TYPES } from '../event/topics.ts';
import { isComplete, isFinal, shownRow, type WindowRow, type WindowState } from '../window/window-state.ts';

/** Where a candle is in its life. */
export type CandleState = 'provisional' | 'final' | 'revised';

/**
 * What made a candle event: a look at an open window, a whole final window, or the rows of one that a late
 * batch or a late gap changed.
 */
export type CandleBatchKind = CandleState;

/**
 * One candle as consumers see it: keep the highest `version` of a (symbol, window) and ignore lower ones.
 *
 * Prices, volume and price sum are in 1e-8 units, the notional in 1e-16. `lastTradeMs` is the event time of the
 * trade that is the close. `complete` is false if a known outage of the feed touches the window: trades may be
 * missing. `rank` is the best of its trades, 0 if absent: of what rank its prices are (`price-rank.ts`).
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
  readonly complete: boolean;
  readonly lastTradeMs: number;
  readonly rank?: PriceRank | undefined;
}

/** Changed candles of one shard and window. */
export interface CandleBatch {
  readonly shard: string;
  readonly windowStartMs: number;
  readonly windowMs: number;
  readonly kind: CandleBatchKind;
  readonly version: number;
  /**
   * The feed shows its market from time to time, and tells no trades: `tradeCount` is a number of looks, the
   * volume what the day's volume is known to have grown by, and there is no average price.
   */
  readonly sampled?: true | undefined;
  readonly candles: readonly PublishedCandle[];
}

/**
 * True if a candle is of looks at a market, not of trades: its feed samples, or no trade is in it and it was
 * made of price updates without one. It has no average price, and `tradeCount` counts looks.
 */
export function isOfLooks(
  { sampled }: Pick<CandleBatch, 'sampled'>,
  { rank = 0 }: Pick<PublishedCandle, 'rank'>,
): boolean {
  return sampled === true || rank === LOOK;
}

/** Most candles in one event, so that it stays within Kafka's and KafkaSource's sizes. */
const MAX_CANDLES = 250;

/**
 * The candle of a window's row: its version is at least the one that closed the window or made it incomplete.
 */
export function publishedCandle(window: WindowState, row: WindowRow): PublishedCandle {
  const { candle } = row;
  const { version, revision, reason } = shownRow(window, row);
  const rank = rankOf(candle.lastKey);
  return {
    symbol: candle.symbol,
    version,
    state: !isFinal(window) ? 'provisional' : revision > 0 ? 'revised' : 'final',
    revision,
    reason,
    complete: isComplete(window),
    lastTradeMs: candle.lastKey.eventTimeMs,
    openE8: candle.openE8,
    highE8: candle.highE8,
    lowE8: candle.lowE8,
    closeE8: candle.closeE8,
    volumeE8: candle.volumeE8,
    notionalE16: candle.notionalE16,
    priceSumE8: candle.priceSumE8,
    tradeCount: candle.tradeCount,
    ...(rank === 0 ? {} : { rank }),
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
  return partsOf(sorted, MAX_CANDLES).map((part, index) => ({
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

type CandleJson = Readonly<Record<string, JsonInteger | boolean | null | undefined>>;

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

const integerE8 = exactInteger.transform(e8);
const integerE16 = exactInteger.transform(e16);
const wholeNumber = z.number().int().min(0);

/** The data of a candle batch, also as older versions wrote them. */
export const CandleBatchSchema = z.object({
  shard: z.string().min(1).max(40),
  windowStartMs: wholeNumber,
  windowMs: z.number().int().min(1),
  kind: z.enum(['provisional', 'final', 'revised']),
  version: z.number().int().min(1),
  sampled: z.literal(true).optional(),
  candles: z
    .array(
      z.object({
        symbol: z.string().refine(isSymbol, 'expected a symbol'),
        version: z.number().int().min(1),
        state: z.enum(['provisional', 'final', 'revised']),
        revision: wholeNumber,
        reason: z.string().max(64).nullable(),
        complete: z.boolean().default(true),
        lastTradeMs: wholeNumber.optional(),
        rank: z.literal([0, 1, 2, 3]).optional(),
        openE8: integerE8,
        highE8: integerE8,
        lowE8: integerE8,
        closeE8: integerE8,
        volumeE8: integerE8,
        notionalE16: integerE16,
        priceSumE8: integerE8,
        tradeCount: z.number().int().min(1),
      }),
    )
    .max(10_000),
});

/**
 * Reads a candle batch. Events from before `complete` and `lastTradeMs` were part of them count as complete,
 * with their last trade in the last millisecond of the window.
 *
 * @throws {z.ZodError} If the data is no candle batch.
 */
export function parseCandleBatch(data: unknown): CandleBatch {
  const batch = CandleBatchSchema.parse(data);
  const lastMs = batch.windowStartMs + batch.windowMs - 1;
  const candles = batch.candles.map((candle) => ({ ...candle, lastTradeMs: candle.lastTradeMs ?? lastMs }));
  return { ...batch, candles };
}
