import type { Columns } from '../values/columns.ts';
import { doubleOf, quotientOf } from '../values/decimal.ts';

/**
 * The candle of a longer period, read off the list of its final 5-second ones, ascending; at least one. Parts
 * of price updates count only where no other does; of the others, prices are those of the best rank.
 */
export function rollupColumns(all: readonly Columns[]): Columns {
  const rankOf = (part: Columns): number => Number(part['price_rank'] ?? 0);
  const rank = Math.min(...all.map(rankOf));
  const parts = rank < 3 ? all.filter((part) => rankOf(part) < 3) : all;
  const priced = parts.filter((part) => rankOf(part) === rank);
  const ranged = rank > 1 ? priced : parts.filter((part) => rankOf(part) <= 1);

  const number = (part: Columns | undefined, name: string): number => Number(part?.[name] ?? Number.NaN);
  const values = (name: string, of: readonly Columns[]): readonly number[] =>
    of.map((part) => number(part, name));
  const sum = (name: string, of = all): number => values(name, of).reduce((total, value) => total + value, 0);
  const exact = (name: string, ofOldRow: (part: Columns) => number): bigint =>
    parts.reduce((total, part) => total + BigInt(part[name] ?? Math.round(ofOldRow(part))), 0n);
  const volume = exact('volume_e8', (part) => number(part, 'volume') * 1e8);
  // The oldest rows lack their notional, too.
  const notional = exact('notional_e16', (part) => {
    return Number(part['notional'] ?? number(part, 'vwap') * number(part, 'volume')) * 1e16;
  });
  const prices = exact('price_sum_e8', (part) => {
    return number(part, 'mean_price') * number(part, 'trade_count') * 1e8;
  });
  const count = sum('trade_count', parts);
  const isSampled = parts.some((part) => part['sampled'] === true);
  const reasons = all.map((part) => String(part['reason'] ?? '')).filter((reason) => reason !== '');
  return {
    open: number(priced[0], 'open'),
    high: Math.max(...values('high', ranged)),
    low: Math.min(...values('low', ranged)),
    close: number(priced.at(-1), 'close'),
    volume: doubleOf(volume),
    notional: isSampled ? Number.NaN : quotientOf(notional, 10n ** 16n),
    vwap: isSampled ? Number.NaN : quotientOf(notional, volume * 10n ** 8n),
    mean_price: quotientOf(prices, BigInt(count) * 10n ** 8n),
    volume_e8: volume,
    notional_e16: notional,
    price_sum_e8: prices,
    trade_count: count,
    parts: all.length,
    version: sum('version'),
    revision: sum('revision'),
    state: sum('revision') > 0 ? 'revised' : 'final',
    reason: reasons.at(-1) ?? '',
    ...(isSampled ? { sampled: true } : {}),
    price_rank: rank,
    complete: all.every((part) => part['complete'] !== false),
  };
}
