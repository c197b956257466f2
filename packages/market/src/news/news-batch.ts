import { z } from 'zod';
import { type BatchHeader, parseBatchHeader } from '../event/batch-header.ts';
import type { MarketEvent } from '../event/market-event.ts';
import { isSymbol } from '../event/symbol.ts';
import { EVENT_TYPES } from '../event/topics.ts';
import { booksOrNewsEvent, MAX_ITEMS } from '../feed/books-and-news.ts';
import { MAX_HEADLINE, MAX_NEWS_NAME, MAX_NEWS_URL, MAX_SUMMARY, type NewsItem } from './news.ts';

/** A batch of one shard's news; its sequence counts within shard, epoch and kind. */
export interface NewsBatch extends BatchHeader {
  readonly news: readonly NewsItem[];
}

/** The event of clean news, for `market.trades.v1`. */
export function formatNewsBatch({ news, ...header }: NewsBatch): MarketEvent {
  return booksOrNewsEvent('news', header, EVENT_TYPES.news, { news });
}

const symbol = z.string().refine(isSymbol, 'expected a symbol');
const eventTimeMs = z.number().int().min(0);

const NewsBatchData = z.object({
  news: z
    .array(
      z.object({
        id: z.string().min(1).max(64),
        symbol,
        eventTimeMs,
        headline: z.string().min(1).max(MAX_HEADLINE),
        summary: z.string().max(MAX_SUMMARY),
        source: z.string().max(MAX_NEWS_NAME),
        category: z.string().max(MAX_NEWS_NAME),
        url: z.string().max(MAX_NEWS_URL),
        sentiment: z.number().min(-1).max(1).nullable(),
      }),
    )
    .max(MAX_ITEMS),
});

/**
 * Reads clean news from an event's attributes and its JSON data.
 *
 * @throws {z.ZodError} If the envelope or the shape is malformed.
 */
export function parseNewsBatch(attributes: Readonly<Record<string, unknown>>, data: unknown): NewsBatch {
  return { ...parseBatchHeader(attributes), news: NewsBatchData.parse(data).news };
}
