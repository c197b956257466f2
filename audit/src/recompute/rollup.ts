import type { Columns } from '../values/columns.ts';
import { doubleOf, quotientOf } from '../values/decimal.ts';

/** The candle of a longer period, read off the list of its final 5-second ones, ascending; at least one. */
export function rollupColumns(parts: readonly Columns[]): Columns {
  const number = (part: Columns | undefined, name: string): number => Number(part?.[name] ?? Number.NaN);
  const all = (name: string): readonly number[] => parts.map((part) => number(part, name));
  const sum = (name: string): number => all(name).reduce((total, value) => total + value, 0);
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
  const count = sum('trade_count');
  const isSampled = parts.some((part) => part['sampled'] === true);
  const reasons = parts.map((part) => String(part['reason'] ?? '')).filter((reason) => reason !== '');
  return {
    open: number(parts[0], 'open'),
    high: Math.max(...all('high')),
    low: Math.min(...all('low')),
    close: number(parts.at(-1), 'close'),
    volume: doubleOf(volume),
    notional: isSampled ? Number.NaN : quotientOf(notional, 10n ** 16n),
    vwap: isSampled ? Number.NaN : quotientOf(notional, volume * 10n ** 8n),
    mean_price: quotientOf(prices, BigInt(count) * 10n ** 8n),
    volume_e8: volume,
    notional_e16: notional,
    price_sum_e8: prices,
    trade_count: count,
    parts: parts.length,
    version: sum('version'),
    revision: sum('revision'),
    state: sum('revision') > 0 ? 'revised' : 'final',
    reason: reasons.at(-1) ?? '',
    ...(isSampled ? { sampled: true } : {}),
    complete: parts.every((part) => part['complete'] !== false),
  };
}
