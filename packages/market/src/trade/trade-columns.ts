import type { JsonInteger } from '../number/fixed-point.ts';
import { MAX_CONDITIONS_LENGTH } from './counting-rules.ts';
import type { PriceRank } from './price-rank.ts';

/**
 * The trades of a batch by columns, as the event carries them: the n-th trade is the n-th of each. A trade's
 * symbol is its place in `symbols`. The last two are absent where all of them are 0, or empty.
 */
export interface TradeColumns {
  readonly symbols: readonly string[];
  readonly symbol: readonly number[];
  readonly eventTimeMs: readonly number[];
  readonly priceE8: readonly JsonInteger[];
  readonly sizeE8: readonly JsonInteger[];
  readonly id: readonly string[];
  readonly rank?: readonly PriceRank[] | undefined;
  readonly conditions?: readonly string[] | undefined;
}

/** Most trades of a batch. */
export const MAX_TRADES = 10_000;
/** Longest id of a trade, characters. */
export const MAX_ID_LENGTH = 128;

/**
 * Columns of trades, if the data of an event are nothing else; null if a schema has to say what is wrong.
 *
 * Written by hand because it looks at every number of every trade: the schema in `trade-batch.ts` takes fifty
 * times as long. It is what this agrees with (`trade-columns.test.ts`), and what refuses.
 */
export function readTradeColumns(data: unknown): TradeColumns | null {
  if (typeof data !== 'object' || data === null) return null;
  const { symbols, symbol, eventTimeMs, priceE8, sizeE8, id, rank, conditions } = data as Readonly<
    Record<string, unknown>
  >;
  if (!Array.isArray(symbols) || symbols.length > MAX_TRADES || !symbols.every(isText)) return null;
  if (!Array.isArray(symbol) || symbol.length > MAX_TRADES || !symbol.every(isWhole)) return null;
  if (!Array.isArray(eventTimeMs) || !eventTimeMs.every(isWhole)) return null;
  if (!Array.isArray(priceE8) || !priceE8.every(isNumberOrText)) return null;
  if (!Array.isArray(sizeE8) || !sizeE8.every(isNumberOrText)) return null;
  if (!Array.isArray(id) || !id.every(isId)) return null;
  const columns = { symbols, symbol, eventTimeMs, priceE8, sizeE8, id };
  if (rank === undefined && conditions === undefined) return columns;
  if (rank !== undefined && !(Array.isArray(rank) && rank.every(isRank))) return null;
  if (conditions !== undefined && !(Array.isArray(conditions) && conditions.every(isConditions))) return null;
  return { ...columns, rank, conditions };
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isWhole(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function isNumberOrText(value: unknown): value is JsonInteger {
  return typeof value === 'number' ? Number.isFinite(value) : typeof value === 'string';
}

function isRank(value: unknown): value is PriceRank {
  return value === 0 || value === 1 || value === 2 || value === 3;
}

function isConditions(value: unknown): value is string {
  return typeof value === 'string' && value.length <= MAX_CONDITIONS_LENGTH;
}

function isId(value: unknown): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= MAX_ID_LENGTH;
}
