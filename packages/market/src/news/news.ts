import type { BatchHeader } from '../event/batch-header.ts';

/**
 * A piece of news about one symbol. `id` is the feed's own; `sentiment` lies between -1 (bad for the price) and
 * 1 (good), and is null where the feed does not judge. Texts that the feed leaves out are empty.
 */
export interface NewsItem {
  readonly id: string;
  readonly symbol: string;
  readonly eventTimeMs: number;
  readonly headline: string;
  readonly summary: string;
  readonly source: string;
  readonly category: string;
  readonly url: string;
  readonly sentiment: number | null;
}

/** A batch of one shard's news; its sequence counts within shard, epoch and kind. */
export interface NewsBatch extends BatchHeader {
  readonly news: readonly NewsItem[];
}

/** Longest texts, characters; longer ones are cut. */
export const MAX_HEADLINE = 500;
export const MAX_SUMMARY = 2_000;
export const MAX_NEWS_URL = 2_000;
export const MAX_NEWS_NAME = 100;
/** Most symbols of one piece of news. */
export const MAX_RELATED = 20;
