import { z } from 'zod';
import { feedSource } from '../event/batch-header.ts';
import { fnv1a64, hashToText } from '../number/hash.ts';
import type { MarketEvent } from '../event/market-event.ts';
import { partsOf } from '../event/parts.ts';
import { isSymbol } from '../event/symbol.ts';
import { EVENT_TYPES } from '../event/topics.ts';

/**
 * The indicators of one symbol after one window: keep the highest `version` of a (symbol, window) and ignore
 * lower ones. An indicator that is not warm yet is absent from `values`.
 *
 * `repeated` counts the windows without trades before this one, over which the last close was repeated;
 * `restarted` is true if the series began anew here, after more of them than that.
 */
export interface SymbolIndicators {
  readonly symbol: string;
  readonly version: number;
  readonly candleVersion: number;
  readonly repeated: number;
  readonly restarted: boolean;
  readonly close: number;
  readonly values: Readonly<Record<string, number>>;
}

/** Indicators of one shard and window. */
export interface IndicatorBatch {
  readonly shard: string;
  readonly windowStartMs: number;
  readonly indicators: readonly SymbolIndicators[];
}

/** Most symbols in one event, each at most about 500 bytes. */
const MAX_SYMBOLS = 250;

const NAME = /^[a-z][a-z0-9_]{0,31}$/;

/**
 * The events of an indicator batch, for `market.signals.v1`, in parts of at most 250 symbols, ascending; none
 * when it has no symbol.
 *
 * The id `<shard>:<windowStartMs>:indicators:<hash>`, of the hash of the symbols and their versions, stands for
 * one content.
 */
export function formatIndicatorBatch(batch: IndicatorBatch, traceparent?: string): readonly MarketEvent[] {
  const { shard, windowStartMs } = batch;
  const sorted = batch.indicators.toSorted((a, b) => (a.symbol < b.symbol ? -1 : 1));
  return partsOf(sorted, MAX_SYMBOLS).map((part) => ({
    id: `${shard}:${windowStartMs}:indicators:${contentHash(part)}`,
    source: feedSource(shard),
    type: EVENT_TYPES.indicators,
    key: shard,
    extensions: {
      partitionkey: shard,
      shard,
      ...(traceparent === undefined ? {} : { traceparent }),
    },
    data: { shard, windowStartMs, indicators: part },
  }));
}

function contentHash(part: readonly SymbolIndicators[]): string {
  const content = part.map(({ symbol, version }) => `${symbol}@${version}`).join(',');
  return hashToText(fnv1a64(content));
}

const wholeNumber = z.number().int().min(0);

/** The data of an indicator batch. */
export const IndicatorBatchSchema = z.object({
  shard: z.string().min(1).max(40),
  windowStartMs: wholeNumber,
  indicators: z
    .array(
      z.object({
        symbol: z.string().refine(isSymbol, 'expected a symbol'),
        version: z.number().int().min(1),
        candleVersion: z.number().int().min(1),
        repeated: wholeNumber,
        restarted: z.boolean(),
        close: z.number(),
        values: z.record(z.string().regex(NAME, 'expected a name such as rsi14'), z.number()),
      }),
    )
    .max(10_000),
});

/** @throws {z.ZodError} If the data is no indicator batch. */
export function parseIndicatorBatch(data: unknown): IndicatorBatch {
  return IndicatorBatchSchema.parse(data);
}
