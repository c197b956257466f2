import type { Instrument } from './instruments.ts';
import type { SimulatedTrade } from './market.ts';
import type { Random } from '@kandle/tooling/random';

/** A frame of order books, in a form of our own: Finnhub sends none. Lists of `[price, size]`, best first. */
export interface BookFrame {
  readonly type: 'book';
  readonly data: readonly {
    readonly s: string;
    readonly t: number;
    readonly b: readonly (readonly [number, number])[];
    readonly a: readonly (readonly [number, number])[];
  }[];
}

/** A frame of news as Finnhub sends it, with `sentiment` (-1 to 1) as an addition of ours. */
export interface NewsFrame {
  readonly type: 'news';
  readonly data: readonly {
    readonly category: string;
    readonly datetime: number;
    readonly headline: string;
    readonly id: number;
    readonly image: string;
    readonly related: string;
    readonly source: string;
    readonly summary: string;
    readonly url: string;
    readonly sentiment: number;
  }[];
}

/**
 * What a market shows beside its trades. Its random numbers are its own, so that trades do not change with it.
 */
export interface BooksAndNews {
  /** A trade took place. */
  note(trade: SimulatedTrade): void;
  /** The books of those symbols that traded since the last time, if it is time for them. */
  books(nowMs: number, isWanted: (symbol: string) => boolean): BookFrame | null;
  /** News about one of the symbols that traded, now and then. */
  news(nowMs: number, isWanted: (symbol: string) => boolean): NewsFrame | null;
}

/** How often books are shown; of more symbols than this only those that traded last. */
const BOOKS_EVERY_MS = 1_000;
const MAX_BOOKS = 50;
const LEVELS = 5;
/** Mean time between two pieces of news. */
const NEWS_EVERY_MS = 20_000;

const GOOD = ['raises its outlook', 'beats expectations', 'is in demand', 'wins a large order'];
const BAD = ['cuts its outlook', 'misses expectations', 'is under pressure', 'loses a large order'];

/** Order books and news around a market's trades. */
export function createBooksAndNews(random: Random, startMs: number): BooksAndNews {
  const last = new Map<string, SimulatedTrade>();
  let booksDueMs = startMs;
  let newsDueMs = startMs + random.exponential(NEWS_EVERY_MS);
  let newsId = Math.floor(startMs / 1_000) * 1_000;

  return {
    note(trade) {
      last.delete(trade.instrument.symbol);
      last.set(trade.instrument.symbol, trade);
    },
    books(nowMs, isWanted) {
      if (nowMs < booksDueMs) return null;
      booksDueMs = nowMs + BOOKS_EVERY_MS;
      const traded = [...last.values()]
        .filter(({ instrument }) => isWanted(instrument.symbol))
        .slice(-MAX_BOOKS);
      last.clear();
      if (traded.length === 0) return null;
      return { type: 'book', data: traded.map((trade) => bookOf(random, trade, nowMs)) };
    },
    news(nowMs, isWanted) {
      if (nowMs < newsDueMs) return null;
      const wanted = [...last.keys()].filter(isWanted);
      const symbol = wanted[random.below(Math.max(1, wanted.length))];
      if (symbol === undefined) return null;
      newsDueMs = nowMs + random.exponential(NEWS_EVERY_MS);
      newsId += 1;
      return { type: 'news', data: [newsOf(random, symbol, newsId, nowMs)] };
    },
  };
}

function bookOf(
  random: Random,
  { instrument, ticks }: SimulatedTrade,
  nowMs: number,
): BookFrame['data'][number] {
  const spread = 1 + random.below(3);
  const bid = Math.max(LEVELS, ticks - random.below(spread + 1));
  const level = (tick: number): readonly [number, number] => [
    tick / 10 ** instrument.priceDigits,
    sizeOf(random, instrument),
  ];
  return {
    s: instrument.symbol,
    t: nowMs,
    b: Array.from({ length: LEVELS }, (_, n) => level(bid - n)),
    a: Array.from({ length: LEVELS }, (_, n) => level(bid + spread + n)),
  };
}

function sizeOf(random: Random, { sizeDigits }: Instrument): number {
  return (1 + Math.floor(random.exponential(1_000))) / 10 ** sizeDigits;
}

function newsOf(random: Random, symbol: string, id: number, nowMs: number): NewsFrame['data'][number] {
  const sentiment = Math.round(Math.tanh(random.gaussian()) * 100) / 100;
  const texts = sentiment >= 0 ? GOOD : BAD;
  const headline = `${symbol} ${texts[random.below(texts.length)] ?? ''}`;
  return {
    category: 'company',
    datetime: Math.floor(nowMs / 1_000),
    headline,
    id,
    image: '',
    related: symbol,
    source: 'Simulator',
    summary: `${headline}, says nobody: this market is made up.`,
    url: '',
    sentiment,
  };
}
