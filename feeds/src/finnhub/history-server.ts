import { dayInNewYork } from '@kandle/market/backfill/finnhub-ticks';
import { type RestServer, startRestServer } from '../vendor/rest-server.ts';

/** A trade as the history has it. */
export interface PastTrade {
  readonly symbol: string;
  readonly eventTimeMs: number;
  readonly price: number;
  readonly size: number;
  readonly conditions: readonly string[];
}

/** Most trades of one answer, whatever is asked for. */
const MAX_LIMIT = 25_000;

/**
 * Finnhub's history of trades: `/stock/tick?symbol=…&date=…&limit=…&skip=…`, a day of New York in pages, over
 * whatever trades it is given, by time.
 */
export function startHistoryServer(key: string, trades: readonly PastTrade[]): Promise<RestServer> {
  const sorted = trades.toSorted((a, b) => a.eventTimeMs - b.eventTimeMs);
  return startRestServer(key, (path) => {
    const { pathname, searchParams } = new URL(path, 'http://localhost');
    if (pathname !== '/stock/tick') return undefined;
    const symbol = searchParams.get('symbol') ?? '';
    const limit = Math.min(Number(searchParams.get('limit') ?? 500), MAX_LIMIT);
    const skip = Number(searchParams.get('skip') ?? 0);
    const ofDay = sorted.filter(
      (trade) => trade.symbol === symbol && dayInNewYork(trade.eventTimeMs) === searchParams.get('date'),
    );
    const page = ofDay.slice(skip, skip + limit);
    return JSON.stringify({
      s: symbol,
      skip,
      count: page.length,
      total: ofDay.length,
      t: page.map(({ eventTimeMs }) => eventTimeMs),
      p: page.map(({ price }) => price),
      v: page.map(({ size }) => size),
      x: page.map(() => 'P'),
      c: page.map(({ conditions }) => conditions),
    });
  });
}
