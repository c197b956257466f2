import { feedOfShard } from '@kandle/market/event/shard';
import { concerns, type Rule } from '@kandle/market/signal/rules';
import type { Sentiment } from '@kandle/market/signal/series-state';
import { bucketsBetween } from '@kandle/market/view/buckets';
import { WINDOW_MS, type WindowKey } from '@kandle/market/window/window';
import { column, parseRows } from '@kandle/runtime/cassandra-rows';
import { QUORUM_READ, readFromCassandra } from '@kandle/runtime/conditional';
import type { Client } from 'cassandra-driver';
import { LRUCache } from 'lru-cache';
import { z } from 'zod';

/** Reads the sentiment of symbols' news. */
export interface NewsSentiments {
  /**
   * The sentiment of the symbols that a news rule concerns, as known now; a symbol without rated news is
   * absent.
   *
   * @throws {RetryableError} If the database is not to be had.
   */
  read(
    key: WindowKey,
    symbols: Iterable<string>,
    rules: readonly Rule[],
  ): Promise<ReadonlyMap<string, Sentiment>>;
}

const RATINGS =
  'SELECT symbol, sentiment, rated FROM news_ratings WHERE feed = ? AND bucket IN ? AND time > ? AND time <= ? LIMIT 50000';
const RatingSchema = z.object({
  symbol: column.text,
  rated: column.boolean.nullable(),
  sentiment: column.double.nullable(),
});
const FETCH_ROWS = 5_000;
/** News that count, before the end of a window. */
const NEWS_AGE_MS = 3_600_000;
/** How long it is taken for known what there is, milliseconds. */
const KNOWN_MS = 15_000;
const MAX_FEEDS = 100;

type Sentiments = ReadonlyMap<string, Sentiment>;

interface Known {
  readonly atMs: number;
  readonly windowStartMs: number;
  readonly sentiments: Promise<Sentiments>;
}

/** The sentiments of the view `news_ratings`: all symbols of a feed at once, at most every 15 seconds. */
export function createNewsSentiments(client: Client, monotonicMs: () => number): NewsSentiments {
  const known = new LRUCache<string, Known>({ max: MAX_FEEDS });

  async function readFeed(feed: string, windowStartMs: number): Promise<Sentiments> {
    const endMs = windowStartMs + WINDOW_MS;
    const beginMs = endMs - NEWS_AGE_MS;
    const buckets = [...bucketsBetween('news_ratings', beginMs, endMs + 1)].map((bucket) => new Date(bucket));
    const params = [feed, buckets, new Date(beginMs), new Date(endMs)];
    const rows = await readFromCassandra('read ratings of news', async () => {
      const found = [];
      for await (const row of await client.execute(RATINGS, params, {
        ...QUORUM_READ,
        fetchSize: FETCH_ROWS,
      }))
        found.push(row);
      return found;
    });
    const sums = new Map<string, { sum: number; news: number }>();
    for (const { symbol, rated, sentiment } of parseRows(RatingSchema, rows, 'read ratings of news')) {
      if (rated !== true || sentiment === null) continue;
      const of = sums.get(symbol) ?? { sum: 0, news: 0 };
      sums.set(symbol, { sum: of.sum + sentiment, news: of.news + 1 });
    }
    return new Map([...sums].map(([symbol, { sum, news }]) => [symbol, { mean: sum / news, news }]));
  }

  /** What is known of a feed, if it is of now; by the windows' time too: a recording runs fast. */
  function sentimentsOf(feed: string, windowStartMs: number): Promise<Sentiments> {
    const atMs = monotonicMs();
    const last = known.get(feed);
    if (
      last !== undefined &&
      atMs - last.atMs < KNOWN_MS &&
      Math.abs(windowStartMs - last.windowStartMs) < KNOWN_MS
    )
      return last.sentiments;
    const sentiments = readFeed(feed, windowStartMs);
    known.set(feed, { atMs, windowStartMs, sentiments });
    // What failed is asked again by the next one.
    sentiments.catch(() => {
      if (known.get(feed)?.sentiments === sentiments) known.delete(feed);
    });
    return sentiments;
  }

  return {
    async read({ shard, windowStartMs }, symbols, rules) {
      const newsRules = rules.filter(({ kind }) => kind === 'news-sentiment');
      if (newsRules.length === 0) return new Map();
      const sentiments = await sentimentsOf(feedOfShard(shard), windowStartMs);
      const found = new Map<string, Sentiment>();
      if (sentiments.size === 0) return found;
      for (const symbol of symbols) {
        const sentiment = sentiments.get(symbol);
        if (sentiment !== undefined && newsRules.some((rule) => concerns(rule, symbol)))
          found.set(symbol, sentiment);
      }
      return found;
    },
  };
}
