import type { IndicatorKind } from '@kandle/market/indicator/indicators';
import { LINE_GROUPS, type LineGroup } from './lines.ts';

/** What can be switched on and off over the candles. */
export type LineId = LineGroup['id'] | 'vwap';

/** Which lines are switched on: kept from visit to visit. */
export interface ShownLines {
  has(id: LineId): boolean;
  /** @returns Whether it is on now. */
  toggle(id: LineId): boolean;
  /** What the groups that are on consist of. */
  kinds(): readonly IndicatorKind[];
}

const KEY = 'kandle-lines';
const FIRST = 'vwap,sma,ema,rsi';

/** As they were left, or the usual ones. */
export function readShownLines(): ShownLines {
  const shown = new Set((localStorage.getItem(KEY) ?? FIRST).split(',').filter((id) => id !== ''));
  return {
    has: (id) => shown.has(id),
    toggle(id) {
      if (!shown.delete(id)) shown.add(id);
      localStorage.setItem(KEY, [...shown].join(','));
      return shown.has(id);
    },
    kinds: () => LINE_GROUPS.filter(({ id }) => shown.has(id)).flatMap(({ kinds }) => kinds),
  };
}
