import { isEventTime } from '../../event/event-time.ts';
import { e8, readE8 } from '../../number/fixed-point.ts';
import { canBeBelowZero, isPrice, isSize } from './amounts.ts';
import type { RejectReason } from '../../event/rejects.ts';
import type { JudgedTrade } from '../judged.ts';
import { readSymbol } from '../../event/symbol.ts';

/**
 * One entry of a Finnhub `trade` frame: `s` symbol, `p` price, `t` UNIX milliseconds, `v` volume of this trade,
 * `c` condition codes or null. Source: Finnhub API documentation, "Trades"; a volume of 0 is a price update.
 */
export type FinnhubRecord = Readonly<Record<string, unknown>>;

/**
 * Judges one Finnhub record by itself; whether it is late is for the batch to say.
 *
 * @param hasLooks A price update counts, as a trade of size 0; else it is none.
 */
export function judgeFinnhubRecord(id: string, record: FinnhubRecord, hasLooks = false): JudgedTrade {
  const { s, p: price, t: eventTimeMs, v: size } = record;
  const symbol = readSymbol(s);
  if (symbol === null)
    return reject('bad_symbol', `symbol ${show(s)} is not 1 to 64 bytes of printable text`);
  if (!isEventTime(eventTimeMs)) {
    return reject('bad_time', `time ${show(eventTimeMs)} is not in milliseconds between 2000 and 2100`);
  }
  if (size === 0 && !hasLooks) return { kind: 'no_trade' };
  const isSigned = canBeBelowZero(symbol);
  if (!isPrice(price, isSigned)) {
    return reject('bad_price', `price ${show(price)} is not between ${isSigned ? '-1e12' : '1e-8'} and 1e12`);
  }
  if (size !== 0 && !isSize(size))
    return reject('bad_size', `volume ${show(size)} is not between 1e-8 and 1e15`);
  const [priceE8, sizeE8] = [readE8(price), size === 0 ? NO_SIZE : readE8(size)];
  if (priceE8 === null)
    return reject('too_many_decimals', `price ${show(price)} has more than eight decimals`);
  if (sizeE8 === null)
    return reject('too_many_decimals', `volume ${show(size)} has more than eight decimals`);
  return { kind: 'trade', trade: { id, symbol, eventTimeMs, priceE8, sizeE8 } };
}

/** Nothing was traded. */
const NO_SIZE = e8(0n);

function reject(reason: RejectReason, detail: string): JudgedTrade {
  return { kind: 'reject', reason, detail };
}

function show(value: unknown): string {
  // JSON would write the infinity that 1e309 is read as, and NaN, as null.
  const text = typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? String(value));
  return text.slice(0, 100);
}
