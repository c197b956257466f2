import type { GapRow, SignalRow } from './rows.ts';

/** What tells apart the signals of one window, in the order of their table: names hold no line feed. */
export function keyOfSignal({ symbol, rule }: SignalRow): string {
  return `${symbol}\n${rule}`;
}

/** What tells apart the gaps that began at one time. */
export function keyOfGap({ shard, reason }: GapRow): string {
  return `${shard}\n${reason}`;
}
