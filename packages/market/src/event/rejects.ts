import type { FormatName } from '../feed/format-name.ts';
import type { CountingRules } from '../trade/counting-rules.ts';
import type { MarketEvent } from './market-event.ts';
import { feedSource } from './batch-header.ts';
import { EVENT_TYPES } from './topics.ts';

/** Why a record is not counted. Every reason is part of the contract of `market.rejects.v1`. */
export type RejectReason =
  | 'bad_frame'
  | 'unknown_frame_type'
  | 'bad_symbol'
  | 'bad_time'
  | 'bad_price'
  | 'bad_size'
  | 'too_many_decimals'
  | 'bad_book'
  | 'bad_news'
  /** Its condition codes say that it counts for nothing, not even volume. */
  | 'not_counted'
  | 'too_late'
  | 'too_far_ahead'
  | 'too_early';

/**
 * A record that was refused: what it was, why, and where it stood.
 *
 * `record` is the record as it came, or the beginning of a frame that could not be read. Where only its time
 * was refused, `shard` and `tradeId` are what it would have been counted with, and `format` whose record it is,
 * if not Finnhub's, and `rules` by which it counts: after a fix it can be redriven.
 */
export interface Reject {
  readonly id: string;
  readonly reason: RejectReason;
  readonly detail: string;
  readonly record: unknown;
  readonly shard?: string;
  readonly tradeId?: string;
  readonly format?: FormatName;
  readonly rules?: CountingRules;
}

/** Longest text of a refused frame that is kept, characters. */
export const MAX_REJECTED_TEXT = 2_000;

/** The event of a batch's rejects. The same rejects may be sent twice; the ids say so. */
export function formatRejects(
  id: string,
  key: string,
  source: string,
  rejects: readonly Reject[],
): MarketEvent {
  return {
    id: `${id}:rejects`,
    source,
    type: EVENT_TYPES.rejects,
    key,
    extensions: { partitionkey: key },
    data: { rejects },
  };
}

/** The rejects of a batch, with ids `<epoch>:<shard>:<sequence>:<index>`. */
export function formatBatchRejects(batchId: string, shard: string, rejects: readonly Reject[]): MarketEvent {
  return formatRejects(batchId, shard, feedSource(shard), rejects);
}
