import type { RecordForm } from '../read/raw-batch.ts';
import { codesOf, type Rank, rankOf, type Rules } from './conditions.ts';
import { unitsOf } from '../values/decimal.ts';

/*
 * The rules by which a feed record is a trade that counts, written down a second time from the design and the
 * contract of `market.rejects.v1`, not taken from the code under audit.
 */

/** A record that is a trade, before its batch has had its say. */
export interface JudgedTrade {
  readonly symbol: string;
  readonly eventTimeMs: number;
  readonly priceE8: bigint;
  readonly sizeE8: bigint;
  readonly rank: Rank;
  /** Its codes, with commas. */
  readonly conditions: string;
}

/**
 * Why a record does not count: `no_trade` is a price update in a log of before they counted, the rest are the
 * reasons of `market.rejects.v1`.
 */
export type NotCounted =
  | 'no_trade'
  | 'bad_symbol'
  | 'bad_time'
  | 'bad_price'
  | 'bad_size'
  | 'too_many_decimals'
  | 'not_counted'
  | 'too_late';

const MAX_SYMBOL_BYTES = 64;
const YEAR_2000_MS = Date.UTC(2000, 0, 1);
const YEAR_2100_MS = Date.UTC(2100, 0, 1);
const MAX_PRICE = 1e12;
const MAX_SIZE = 1e15;

/**
 * Judges one record (`s` symbol, `p` price, `t` milliseconds, `v` volume) by itself and by its batch. Of a look
 * at a market the volume may be 0 or unknown: it counts all the same. What a trade's conditions leave of it is
 * said by its batch's rules.
 *
 * @param oldestMs What was known before the batch, less the symbol's delay and the horizon: a trade before it
 *   is too late.
 */
export function judgeRecord(
  record: Readonly<Record<string, unknown>>,
  oldestMs: number,
  { format = 'finnhub', rules = null }: { readonly format?: RecordForm; readonly rules?: Rules | null } = {},
): JudgedTrade | NotCounted {
  const { p: price, t: eventTimeMs, v } = record;
  const isSample = format === 'samples';
  const size = isSample ? (v ?? 0) : v;
  const isLook = isSample || (rules !== null && size === 0);
  const symbol = symbolOf(record['s']);
  if (symbol === null) return 'bad_symbol';
  if (typeof eventTimeMs !== 'number' || !Number.isSafeInteger(eventTimeMs)) return 'bad_time';
  if (eventTimeMs < YEAR_2000_MS || eventTimeMs >= YEAR_2100_MS) return 'bad_time';
  if (size === 0 && !isLook) return 'no_trade';
  // Only a future, `CL=F` or `NYMEX:CL1!`, may cost nothing or less.
  const isFuture = symbol.endsWith('=F') || symbol.endsWith('!');
  if (typeof price !== 'number' || !(Math.abs(price) <= MAX_PRICE)) return 'bad_price';
  if (price <= 0 && !isFuture) return 'bad_price';
  if (typeof size !== 'number' || !(size > 0 || (isLook && size === 0)) || size > MAX_SIZE) return 'bad_size';
  const [priceE8, sizeE8] = [unitsOf(price), unitsOf(size)];
  if (priceE8 === null || sizeE8 === null) return 'too_many_decimals';
  const codes = isSample || rules === null ? [] : codesOf(record['c']);
  const rank = rules === null ? 0 : rankOf(codes, rules);
  if (rank === 'nothing') return 'not_counted';
  if (eventTimeMs < oldestMs) return 'too_late';
  const trade = { symbol, eventTimeMs, priceE8, sizeE8, conditions: codes.join(',') };
  return { ...trade, rank: isLook && !isSample ? 3 : rank };
}

/** Printable text of 1 to 64 bytes: composed, without blanks around it; null if it is none. */
function symbolOf(value: unknown): string | null {
  if (typeof value !== 'string') return null;
  for (const character of value) if (isUnprintable(character)) return null;
  const symbol = value.normalize('NFC').replace(/^\s+|\s+$/gu, '');
  const bytes = Buffer.byteLength(symbol);
  return bytes >= 1 && bytes <= MAX_SYMBOL_BYTES ? symbol : null;
}

/** Control, format and private characters, halves of characters, ends of lines and paragraphs. */
function isUnprintable(character: string): boolean {
  const classes = [/\p{Cc}/u, /\p{Cf}/u, /\p{Co}/u, /\p{Cs}/u, /\p{Zl}/u, /\p{Zp}/u];
  return classes.some((one) => one.test(character));
}
