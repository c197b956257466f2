import type { MarketEvent } from '@kandle/market/event/market-event';
import { formatRawBatch } from '@kandle/market/feed/raw-batch';
import { e8ToDouble } from '@kandle/market/number/fixed-point';
import type { TradeBatch } from '@kandle/market/trade/trade-batch';

/** The raw batch, in Finnhub's words, that transform and persist make these trades of; without conditions. */
export function formatRawTrades({ trades, ...header }: TradeBatch): MarketEvent {
  return formatRawBatch({
    ...header,
    records: trades.map(({ id, symbol, eventTimeMs, priceE8, sizeE8 }) => {
      const numbers = { p: e8ToDouble(priceE8), v: e8ToDouble(sizeE8) };
      return { id, record: { s: symbol, t: eventTimeMs, c: null, ...numbers } };
    }),
  });
}
