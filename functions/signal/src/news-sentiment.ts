import { feedOfShard } from '@kandle/market/event/shard';
import { WINDOW_MS, type WindowKey } from '@kandle/market/window/window';
import { QUORUM_READ, readFromCassandra } from '@kandle/runtime/conditional';
import { column, parseRows } from '@kandle/runtime/cassandra-rows';
import { createRunAll } from '@kandle/runtime/run-all';
import type { Client } from 'cassandra-driver';
import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import { concerns, type Rule } from '@kandle/market/signal/rules';
import type { Sentiment } from '@kandle/market/signal/series-state';

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

const NEWS =
  'SELECT time, sentiment, rated FROM news WHERE feed = ? AND symbol = ? AND day IN ? AND time > ? AND time <= ? LIMIT 500';
const NewsSchema = z.object({ rated: column.boolean.nullable(), sentiment: column.double.nullable() });
/** News that count, before the end of a window. */
const NEWS_AGE_MS = 3_600_000;
/** How long it is taken for known what there is, milliseconds. */
const KNOWN_MS = 15_000;
const AT_ONCE = 32;
const MAX_KNOWN = 20_000;

interface Known {
  readonly atMs: number;
  readonly windowStartMs: number;
  readonly sentiment: Sentiment | null;
}

/** The sentiments of the view `news`, each asked for at most every 15 seconds. */
export function createNewsSentiments(client: Client, monotonicMs: () => number): NewsSentiments {
  const known = new LRUCache<string, Known>({ max: MAX_KNOWN });
  const readAll = createRunAll(AT_ONCE);

  async function readOne(feed: string, symbol: string, windowStartMs: number): Promise<Sentiment | null> {
    const endMs = windowStartMs + WINDOW_MS;
    const days = [...new Set([endMs, endMs - NEWS_AGE_MS].map(dayOf))];
    const { rows } = await readFromCassandra('read news', () =>
      client.execute(NEWS, [feed, symbol, days, new Date(endMs - NEWS_AGE_MS), new Date(endMs)], QUORUM_READ),
    );
    const rated = parseRows(NewsSchema, rows, 'read news').flatMap(({ rated: isRated, sentiment }) =>
      isRated === true && sentiment !== null ? [sentiment] : [],
    );
    if (rated.length === 0) return null;
    return { mean: rated.reduce((sum, value) => sum + value, 0) / rated.length, news: rated.length };
  }

  return {
    async read({ shard, windowStartMs }, symbols, rules) {
      const found = new Map<string, Sentiment>();
      const newsRules = rules.filter(({ kind }) => kind === 'news-sentiment');
      if (newsRules.length === 0) return found;
      const asked = [...symbols].filter((symbol) => newsRules.some((rule) => concerns(rule, symbol)));
      const nowMs = monotonicMs();
      await readAll(asked, async (symbol) => {
        const text = `${shard}|${symbol}`;
        let entry = known.get(text);
        // By the windows' time too: a recording runs through an hour in seconds.
        const isKnown =
          entry !== undefined &&
          nowMs - entry.atMs < KNOWN_MS &&
          Math.abs(windowStartMs - entry.windowStartMs) < KNOWN_MS;
        if (entry === undefined || !isKnown) {
          const sentiment = await readOne(feedOfShard(shard), symbol, windowStartMs);
          entry = { atMs: nowMs, windowStartMs, sentiment };
          known.set(text, entry);
        }
        if (entry.sentiment !== null) found.set(symbol, entry.sentiment);
      });
      return found;
    },
  };
}

function dayOf(timeMs: number): string {
  return new Date(timeMs).toISOString().slice(0, 10);
}
