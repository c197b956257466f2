import { isEventTime } from '../../event/event-time.ts';
import type { RejectReason } from '../../event/rejects.ts';
import { readSymbol } from '../../event/symbol.ts';
import {
  MAX_HEADLINE,
  MAX_NEWS_NAME,
  MAX_NEWS_URL,
  MAX_RELATED,
  MAX_SUMMARY,
  type NewsItem,
} from '../../news/news.ts';
import type { JudgedItems } from '../judged.ts';

/**
 * Judges one record of a Finnhub `news` frame: `id`, `datetime` in UNIX **seconds**, `headline`, `related` (a
 * symbol, or several with commas), `source`, `summary`, `category`, `url`. Source: Finnhub API documentation,
 * "News". `sentiment` is an addition of ours. News of several symbols is one item each.
 */
export function judgeNewsRecord(record: Readonly<Record<string, unknown>>): JudgedItems<NewsItem> {
  const { id, datetime, headline, sentiment = null } = record;
  const symbols = relatedSymbols(record);
  if (symbols.length === 0) return reject('bad_symbol', 'related names no symbol');
  const eventTimeMs = typeof datetime === 'number' ? datetime * 1_000 : Number.NaN;
  if (!isEventTime(eventTimeMs))
    return reject('bad_time', 'datetime is not in seconds between 2000 and 2100');
  const isId = Number.isSafeInteger(id) || (typeof id === 'string' && /^[\w.:-]{1,64}$/.test(id));
  if (!isId) return reject('bad_news', 'id is no whole number and no short text');
  if (typeof headline !== 'string' || headline.trim() === '')
    return reject('bad_news', 'headline is missing');
  if (sentiment !== null && !(typeof sentiment === 'number' && sentiment >= -1 && sentiment <= 1)) {
    return reject('bad_news', 'sentiment is not between -1 and 1');
  }
  const item = {
    id: String(id),
    eventTimeMs,
    headline: textOf(headline, MAX_HEADLINE),
    summary: textOf(record['summary'], MAX_SUMMARY),
    source: textOf(record['source'], MAX_NEWS_NAME),
    category: textOf(record['category'], MAX_NEWS_NAME),
    url: webAddress(record['url']),
    // Zero has one sign in a database.
    sentiment: sentiment === 0 ? 0 : sentiment,
  };
  return { kind: 'items', items: symbols.map((symbol) => ({ ...item, symbol })) };
}

/** The symbols that a piece of news is about, each once, in the feed's order; the first decides its shard. */
export function relatedSymbols({ related }: Readonly<Record<string, unknown>>): readonly string[] {
  if (typeof related !== 'string') return [];
  const symbols = related
    .split(',')
    .map(readSymbol)
    .filter((symbol) => symbol !== null);
  return [...new Set(symbols)].slice(0, MAX_RELATED);
}

/** A text of at most so many characters; half a character at the cut is left out, for it would be no UTF-8. */
function textOf(value: unknown, max: number): string {
  if (typeof value !== 'string') return '';
  return value
    .toWellFormed()
    .trim()
    .slice(0, max)
    .replace(/[\uD800-\uDBFF]$/, '');
}

/** The address, if it is one of the web: a dashboard may make a link of it. */
function webAddress(value: unknown): string {
  if (typeof value !== 'string' || value.length > MAX_NEWS_URL) return '';
  const url = URL.parse(value);
  return url !== null && /^https?:$/.test(url.protocol) ? url.href.slice(0, MAX_NEWS_URL) : '';
}

function reject(reason: RejectReason, detail: string): JudgedItems<never> {
  return { kind: 'reject', reason, detail };
}
