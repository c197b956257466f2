import { unitsOf } from '../values/decimal.ts';

/*
 * The rules by which a feed record is a trade that counts, written down a second time from the design and the contract
 * of `market.rejects.v1`, not taken from the code under audit.
 */

/** A record that is a trade, before its batch has had its say. */
export interface JudgedTrade {
  readonly symbol: string;
  readonly eventTimeMs: number;
  readonly priceE8: bigint;
  readonly sizeE8: bigint;
}

/** Why a record does not count: `no_trade` is a price update, the rest are the reasons of `market.rejects.v1`. */
export type NotCounted = 'no_trade' | 'bad_symbol' | 'bad_time' | 'bad_price' | 'bad_size' | 'too_late';

const SYMBOL = /^[A-Z0-9^][A-Za-z0-9 ./:_=^-]{0,63}$/;
const YEAR_2000_MS = Date.UTC(2000, 0, 1);
const YEAR_2100_MS = Date.UTC(2100, 0, 1);
const MAX_PRICE = 1e12;
const MAX_SIZE = 1e15;

/**
 * Judges one Finnhub record (`s` symbol, `p` price, `t` milliseconds, `v` volume) by itself and by its batch.
 *
 * @param oldestMs The batch's watermark less the horizon: a trade before it is too late.
 */
export function judgeRecord(
  record: Readonly<Record<string, unknown>>,
  oldestMs: number,
): JudgedTrade | NotCounted {
  const { s: symbol, p: price, t: eventTimeMs, v: size } = record;
  if (typeof symbol !== 'string' || !SYMBOL.test(symbol)) return 'bad_symbol';
  if (typeof eventTimeMs !== 'number' || !Number.isSafeInteger(eventTimeMs)) return 'bad_time';
  if (eventTimeMs < YEAR_2000_MS || eventTimeMs >= YEAR_2100_MS) return 'bad_time';
  if (size === 0) return 'no_trade';
  const priceE8 = amountOf(price, MAX_PRICE);
  if (priceE8 === null) return 'bad_price';
  const sizeE8 = amountOf(size, MAX_SIZE);
  if (sizeE8 === null) return 'bad_size';
  if (eventTimeMs < oldestMs) return 'too_late';
  return { symbol, eventTimeMs, priceE8, sizeE8 };
}

/** Above 0, within the bound, and not so small that it rounds to nothing. */
function amountOf(value: unknown, max: number): bigint | null {
  if (typeof value !== 'number' || !(value > 0) || value > max) return null;
  const units = unitsOf(value);
  return units === 0n ? null : units;
}
