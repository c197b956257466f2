import { z } from 'zod';
import {
  type BatchHeader,
  batchId,
  feedSource,
  formatBatchHeader,
  parseBatchHeader,
} from '../event/batch-header.ts';
import { e8, fromJsonInteger, type JsonInteger, toJsonInteger } from '../number/fixed-point.ts';
import type { MarketEvent } from '../event/market-event.ts';
import { isSymbol } from '../event/symbol.ts';
import { EVENT_TYPES } from '../event/topics.ts';
import { MAX_CONDITIONS_LENGTH } from './counting-rules.ts';
import { LOOK } from './price-rank.ts';
import type { Trade } from './trade.ts';
import { MAX_ID_LENGTH, MAX_TRADES, readTradeColumns, type TradeColumns } from './trade-columns.ts';

/**
 * A batch of clean trades: one raw batch makes exactly one, even when none of its records is a trade. Of a feed
 * that samples they are looks at a market, whose size is how much the day's volume has grown since the one
 * before, and may be 0.
 */
export interface TradeBatch extends BatchHeader {
  readonly trades: readonly Trade[];
}

/** The same by columns, as the event carries it and as what looks at every trade wants it. */
export interface TradeColumnsBatch extends BatchHeader {
  readonly columns: TradeColumns;
}

const jsonInteger = z.union([z.number(), z.string()]);

/**
 * Columns rather than rows: names stand once, and reading a column costs a fraction of reading objects. It is
 * what {@link readTradeColumns} agrees with, and what says why a batch is refused.
 */
export const TradeColumnsSchema = z.object({
  symbols: z.array(z.string()).max(MAX_TRADES),
  symbol: z.array(z.number().int().min(0)).max(MAX_TRADES),
  eventTimeMs: z.array(z.number().int().min(0)),
  priceE8: z.array(jsonInteger),
  sizeE8: z.array(jsonInteger),
  id: z.array(z.string().min(1).max(MAX_ID_LENGTH)),
  rank: z.array(z.literal([0, 1, 2, 3])).optional(),
  conditions: z.array(z.string().max(MAX_CONDITIONS_LENGTH)).optional(),
});

/** The columns of trades, in their order. */
export function columnsOf(trades: readonly Trade[]): TradeColumns {
  const places = new Map<string, number>();
  const symbol = trades.map((trade) => {
    const place = places.get(trade.symbol) ?? places.size;
    places.set(trade.symbol, place);
    return place;
  });
  return {
    symbols: [...places.keys()],
    symbol,
    eventTimeMs: trades.map((trade) => trade.eventTimeMs),
    priceE8: trades.map((trade) => toJsonInteger(trade.priceE8)),
    sizeE8: trades.map((trade) => toJsonInteger(trade.sizeE8)),
    id: trades.map((trade) => trade.id),
    ...(trades.some(({ rank = 0 }) => rank > 0) ? { rank: trades.map(({ rank = 0 }) => rank) } : {}),
    ...(trades.some(({ conditions = '' }) => conditions !== '')
      ? { conditions: trades.map(({ conditions = '' }) => conditions) }
      : {}),
  };
}

/**
 * The event of a clean batch, for `market.trades.v1`: one array per column, symbols by their place in
 * `symbols`.
 */
export function formatTradeBatch({ trades, ...header }: TradeBatch): MarketEvent {
  return {
    id: batchId(header),
    source: feedSource(header.shard),
    type: EVENT_TYPES.trades,
    key: header.shard,
    extensions: formatBatchHeader(header),
    data: columnsOf(trades),
  };
}

/**
 * Reads a clean batch from an event's attributes and its JSON data, by columns.
 *
 * @throws {z.ZodError} If the envelope or a column is malformed.
 * @throws {RangeError} If the columns do not fit together, or a number is not what transform writes.
 */
export function parseTradeColumns(
  attributes: Readonly<Record<string, unknown>>,
  data: unknown,
): TradeColumnsBatch {
  const header = parseBatchHeader(attributes);
  const columns = readTradeColumns(data) ?? TradeColumnsSchema.parse(data);
  const { symbols, symbol, eventTimeMs, priceE8, sizeE8, id, rank, conditions } = columns;
  const count = symbol.length;
  for (const column of [eventTimeMs, priceE8, sizeE8, id, rank, conditions]) {
    if (column !== undefined && column.length !== count)
      throw new RangeError('Cannot read a trade batch: columns differ in length');
  }
  if (!symbols.every(isSymbol)) throw new RangeError('Cannot read a trade batch: a symbol is malformed');
  for (let index = 0; index < count; index++) {
    if ((symbol[index] ?? count) >= symbols.length)
      throw new RangeError(`Cannot read a trade batch: trade ${index} has no symbol`);
    checkJsonInteger(priceE8[index]);
    const isLook = rank !== undefined && rank[index] === LOOK;
    if (isLook && sizeE8[index] !== 0)
      throw new RangeError(`Cannot read a trade batch: trade ${index} is a price update with a size`);
    if (!isSize(sizeE8[index], isLook || header.sampled !== undefined))
      throw new RangeError(`Cannot read a trade batch: trade ${index} has a size of 0 or less`);
  }
  return { ...header, columns };
}

function checkJsonInteger(value: JsonInteger | undefined): void {
  if (!Number.isSafeInteger(value)) fromJsonInteger(value);
}

/** Above 0; of a look at a market, which nothing need have been traded since, also 0. */
function isSize(value: JsonInteger | undefined, isSampled: boolean): boolean {
  if (typeof value === 'number' && Number.isSafeInteger(value))
    return value > 0 || (isSampled && value === 0);
  return fromJsonInteger(value) > 0n;
}

/**
 * Reads a clean batch from an event's attributes and its JSON data, trade by trade.
 *
 * @throws What {@link parseTradeColumns} throws.
 */
export function parseTradeBatch(attributes: Readonly<Record<string, unknown>>, data: unknown): TradeBatch {
  const { columns, ...header } = parseTradeColumns(attributes, data);
  const { symbols, symbol, eventTimeMs, priceE8, sizeE8, id, rank, conditions } = columns;
  const trades = symbol.map((place, index): Trade => {
    return {
      id: id[index] ?? '',
      symbol: symbols[place] ?? '',
      eventTimeMs: eventTimeMs[index] ?? 0,
      priceE8: e8(fromJsonInteger(priceE8[index])),
      sizeE8: e8(fromJsonInteger(sizeE8[index])),
      ...(rank === undefined ? {} : rankMark(rank[index])),
      ...(conditions === undefined ? {} : conditionsMark(conditions[index])),
    };
  });
  return { ...header, trades };
}

function rankMark(rank: Trade['rank'] = 0): Pick<Trade, 'rank'> {
  return rank === 0 ? {} : { rank };
}

function conditionsMark(conditions = ''): Pick<Trade, 'conditions'> {
  return conditions === '' ? {} : { conditions };
}
