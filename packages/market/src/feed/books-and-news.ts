import { type BatchHeader, feedSource, formatBatchHeader } from '../event/batch-header.ts';
import type { MarketEvent } from '../event/market-event.ts';
import { EVENT_TYPES } from '../event/topics.ts';
import type { RawBatch } from './raw-batch.ts';

/**
 * Kinds of data beside trades. Each numbers its batches by itself: the trades' sequences have no holes because
 * of it.
 */
export type DataKind = 'books' | 'news';

const RAW_TYPES = { books: EVENT_TYPES.rawBooks, news: EVENT_TYPES.rawNews } as const;

/** The event of a raw batch of a kind, for `market.raw.v1`; `parseRawBatch` reads it. */
export function formatRawBooksOrNews(kind: DataKind, { records, format, ...header }: RawBatch): MarketEvent {
  return {
    id: booksOrNewsBatchId(kind, header),
    source: feedSource(header.shard),
    type: RAW_TYPES[kind],
    key: header.shard,
    extensions: formatBatchHeader(header),
    data: format === undefined ? { records } : { format, records },
  };
}

/** The id of a batch of a kind, `<epoch>:<shard>:<kind>:<sequence>`. */
export function booksOrNewsBatchId(kind: DataKind, { epoch, shard, sequence }: BatchHeader): string {
  return `${epoch}:${shard}:${kind}:${sequence}`;
}
