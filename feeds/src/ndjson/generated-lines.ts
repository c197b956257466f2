import { createRandom } from '@kandle/tooling/random';
import { createBooksAndNews } from '../simulator/books-and-news.ts';
import { priceOf, sizeOf } from '../simulator/frame-text.ts';
import { createMarket, type SimulatedTrade, STEP_MS } from '../simulator/market.ts';

/** Which records are generated beside order books and news. */
export type GeneratedKind = 'bars' | 'trades';

/** What is generated. */
export interface GeneratorOptions {
  readonly kind: GeneratedKind;
  readonly seed: number;
  /** Trades a second behind the records. */
  readonly rate: number;
  readonly symbols: number;
  readonly startMs: number;
}

/** A record to send, and how long after the second that it is of. */
export interface GeneratedLine {
  readonly text: string;
  readonly delayMs: number;
}

/** The records of a made-up market as JSON lines: the same options make the same. Reads no clock. */
export interface GeneratedLines {
  readonly symbols: readonly string[];
  /** The records of the next second of the market, in the order in which they are to be sent. */
  nextSecond(): readonly GeneratedLine[];
}

const SECOND_MS = 1_000;

/** A market of the simulator's symbols, told second by second, each record at a moment of its own. */
export function createGeneratedLines({
  kind,
  seed,
  rate,
  symbols,
  startMs,
}: GeneratorOptions): GeneratedLines {
  const beginMs = Math.floor(startMs / SECOND_MS) * SECOND_MS;
  const market = createMarket({ seed, rate, symbols, startMs: beginMs });
  const random = createRandom(seed + 2);
  const beside = createBooksAndNews(createRandom(seed + 1), beginMs);
  let endMs = beginMs;
  let tradeNumber = 0;

  const iso = (timeMs: number): string => new Date(timeMs).toISOString();

  function barOf(trades: readonly SimulatedTrade[], fromMs: number): object {
    const prices = trades.map(priceOf);
    const [first] = trades;
    return {
      type: 'ohlc',
      symbol: first?.instrument.symbol,
      start: iso(fromMs),
      open: prices[0],
      high: Math.max(...prices),
      low: Math.min(...prices),
      close: prices.at(-1),
      volume: Number(trades.reduce((sum, trade) => sum + sizeOf(trade), 0).toFixed(8)),
    };
  }

  function tradeRecord(trade: SimulatedTrade): object {
    tradeNumber += 1;
    return {
      type: 'trade',
      id: `${seed}-${beginMs}-${tradeNumber}`,
      symbol: trade.instrument.symbol,
      price: priceOf(trade),
      size: sizeOf(trade),
      time: iso(trade.eventTimeMs),
    };
  }

  return {
    symbols: market.instruments.map(({ symbol }) => symbol),
    nextSecond() {
      const fromMs = endMs;
      endMs += SECOND_MS;
      const trades: SimulatedTrade[] = [];
      while (market.nowMs() + STEP_MS <= endMs) trades.push(...market.step().flat());
      for (const trade of trades) beside.note(trade);
      const bySymbol = Map.groupBy(trades, ({ instrument }) => instrument.symbol);
      const news = beside.news(endMs, () => true)?.data ?? [];
      const books = beside.books(endMs, () => true)?.data ?? [];
      const records = [
        ...(kind === 'bars'
          ? [...bySymbol.values()].map((ofSymbol) => barOf(ofSymbol, fromMs))
          : trades.map(tradeRecord)),
        ...books.map(({ s, t, b, a }) => ({ type: 'book', symbol: s, time: iso(t), bids: b, asks: a })),
        ...news.map(({ id, datetime, headline, related, sentiment, source }) => ({
          type: 'news',
          id,
          time: iso(datetime * 1_000),
          headline,
          symbols: [related],
          sentiment,
          source,
        })),
      ];
      return records
        .map((record) => ({ text: `${JSON.stringify(record)}\n`, delayMs: random.next() * SECOND_MS }))
        .toSorted((a, b) => a.delayMs - b.delayMs);
    },
  };
}
