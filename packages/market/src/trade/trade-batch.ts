import { z } from 'zod';
import {
  type BatchHeader,
  batchId,
  feedSource,
  formatBatchHeader,
  parseBatchHeader,
} from '../event/batch-header.ts';
import { e8, fromJsonInteger, toJsonInteger } from '../number/fixed-point.ts';
import type { MarketEvent } from '../event/market-event.ts';
import { isSymbol } from '../event/symbol.ts';
import { EVENT_TYPES } from '../event/topics.ts';
import type { Trade } from './trade.ts';

/** A batch of clean trades: one raw batch makes exactly one, even when none of its records is a trade. */
export interface TradeBatch extends BatchHeader {
  readonly trades: readonly Trade[];
}

const MAX_TRADES = 10_000;
const jsonInteger = z.union([z.number(), z.string()]);

/** Columns rather than rows: names stand once, and reading a column costs a fraction of reading objects. */
const TradeColumns = z.object({
  symbols: z.array(z.string()).max(MAX_TRADES),
  symbol: z.array(z.number().int().min(0)).max(MAX_TRADES),
  eventTimeMs: z.array(z.number().int().min(0)),
  priceE8: z.array(jsonInteger),
  sizeE8: z.array(jsonInteger),
  id: z.array(z.string().min(1).max(128)),
});

/**
 * The event of a clean batch, for `market.trades.v1`: one array per column, symbols by their place in
 * `symbols`.
 */
export function formatTradeBatch({ trades, ...header }: TradeBatch): MarketEvent {
  const places = new Map<string, number>();
  const symbol = trades.map((trade) => {
    const place = places.get(trade.symbol) ?? places.size;
    places.set(trade.symbol, place);
    return place;
  });
  return {
    id: batchId(header),
    source: feedSource(header.shard),
    type: EVENT_TYPES.trades,
    key: header.shard,
    extensions: formatBatchHeader(header),
    data: {
      symbols: [...places.keys()],
      symbol,
      eventTimeMs: trades.map((trade) => trade.eventTimeMs),
      priceE8: trades.map((trade) => toJsonInteger(trade.priceE8)),
      sizeE8: trades.map((trade) => toJsonInteger(trade.sizeE8)),
      id: trades.map((trade) => trade.id),
    },
  };
}

/**
 * Reads a clean batch from an event's attributes and its JSON data.
 *
 * @throws {z.ZodError} If the envelope or a column is malformed.
 * @throws {RangeError} If the columns do not fit together, or a number is not what transform writes.
 */
export function parseTradeBatch(attributes: Readonly<Record<string, unknown>>, data: unknown): TradeBatch {
  const header = parseBatchHeader(attributes);
  const columns = TradeColumns.parse(data);
  const count = columns.symbol.length;
  for (const column of [columns.eventTimeMs, columns.priceE8, columns.sizeE8, columns.id]) {
    if (column.length !== count) throw new RangeError('Cannot read a trade batch: columns differ in length');
  }
  if (!columns.symbols.every(isSymbol))
    throw new RangeError('Cannot read a trade batch: a symbol is malformed');
  const trades = columns.symbol.map((place, index): Trade => {
    const symbol = columns.symbols[place];
    const eventTimeMs = columns.eventTimeMs[index];
    const id = columns.id[index];
    if (symbol === undefined || eventTimeMs === undefined || id === undefined) {
      throw new RangeError(`Cannot read a trade batch: trade ${index} has no symbol`);
    }
    const priceE8 = e8(fromJsonInteger(columns.priceE8[index]));
    const sizeE8 = e8(fromJsonInteger(columns.sizeE8[index]));
    if (sizeE8 <= 0n)
      throw new RangeError(`Cannot read a trade batch: trade ${index} has a size of 0 or less`);
    return { id, symbol, eventTimeMs, priceE8, sizeE8 };
  });
  return { ...header, trades };
}
