import type { Columns } from '../values/columns.ts';
import { unitsOf } from '../values/decimal.ts';

/** The candle of a longer period, read off the list of its final 5-second ones, ascending; at least one. */
export function rollupColumns(parts: readonly Columns[]): Columns {
  const number = (part: Columns | undefined, name: string): number => Number(part?.[name] ?? Number.NaN);
  const all = (name: string): readonly number[] => parts.map((part) => number(part, name));
  const sum = (name: string): number => all(name).reduce((total, value) => total + value, 0);
  // Whole 1e-8 units: a double of them is exact, and so is their sum.
  const units = parts.reduce((total, part) => total + unitsOf(number(part, 'volume')), 0n);
  const volume = Number(units) / 1e8;
  // Rows of before there were rollups lack their notional.
  const notional = parts.reduce(
    (total, part) => total + Number(part['notional'] ?? number(part, 'vwap') * number(part, 'volume')),
    0,
  );
  const count = sum('trade_count');
  const prices = parts.reduce(
    (total, part) => total + number(part, 'mean_price') * number(part, 'trade_count'),
    0,
  );
  const reasons = parts.map((part) => String(part['reason'] ?? '')).filter((reason) => reason !== '');
  return {
    open: number(parts[0], 'open'),
    high: Math.max(...all('high')),
    low: Math.min(...all('low')),
    close: number(parts.at(-1), 'close'),
    volume,
    notional,
    vwap: notional / volume,
    mean_price: prices / count,
    trade_count: count,
    parts: parts.length,
    version: sum('version'),
    revision: sum('revision'),
    state: sum('revision') > 0 ? 'revised' : 'final',
    reason: reasons.at(-1) ?? '',
    complete: parts.every((part) => part['complete'] !== false),
  };
}
