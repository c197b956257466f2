import { isEventTime } from '../../event/event-time.ts';
import { type E8, toE8 } from '../../number/fixed-point.ts';
import type { RejectReason } from '../../event/rejects.ts';
import type { JudgedTrade } from '../judged.ts';
import { isSymbol } from '../../event/symbol.ts';

/**
 * One entry of a Finnhub `trade` frame: `s` symbol, `p` price, `t` UNIX milliseconds, `v` volume of this trade,
 * `c` condition codes or null. Source: Finnhub API documentation, "Trades"; a volume of 0 is a price update.
 */
export type FinnhubRecord = Readonly<Record<string, unknown>>;

const MAX_PRICE = 1e12;
const MAX_SIZE = 1e15;

/** Judges one Finnhub record by itself; whether it is late is for the batch to say. */
export function judgeFinnhubRecord(id: string, record: FinnhubRecord): JudgedTrade {
  const { s: symbol, p: price, t: eventTimeMs, v: size } = record;
  if (!isSymbol(symbol)) return reject('bad_symbol', `symbol ${show(symbol)} is not one`);
  if (!isEventTime(eventTimeMs)) {
    return reject('bad_time', `time ${show(eventTimeMs)} is not in milliseconds between 2000 and 2100`);
  }
  if (size === 0) return { kind: 'no_trade' };
  const priceE8 = positiveE8(price, MAX_PRICE);
  if (priceE8 === null) return reject('bad_price', `price ${show(price)} is not between 1e-8 and 1e12`);
  const sizeE8 = positiveE8(size, MAX_SIZE);
  if (sizeE8 === null) return reject('bad_size', `volume ${show(size)} is not between 1e-8 and 1e15`);
  return { kind: 'trade', trade: { id, symbol, eventTimeMs, priceE8, sizeE8 } };
}

function positiveE8(value: unknown, max: number): E8 | null {
  if (typeof value !== 'number' || !(value > 0) || value > max) return null;
  const e8 = toE8(value);
  return e8 > 0n ? e8 : null;
}

function reject(reason: RejectReason, detail: string): JudgedTrade {
  return { kind: 'reject', reason, detail };
}

function show(value: unknown): string {
  // JSON would write the infinity that 1e309 is read as, and NaN, as null.
  const text = typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? String(value));
  return text.slice(0, 100);
}
