import type { PageKey } from './page-token.ts';
import type { GapRow, SignalRow } from './rows.ts';
import type { InstrumentPlace } from './store.ts';

/** What tells apart the signals of one window, in the order of their table: names hold no line feed. */
export function keyOfSignal({ symbol, rule }: SignalRow): string {
  return `${symbol}\n${rule}`;
}

/** What tells apart the gaps that began at one time. */
export function keyOfGap({ shard, reason }: GapRow): string {
  return `${shard}\n${reason}`;
}

/** The place of an instrument's row: names hold no line feed. */
export function keyOfInstrument({ feed, symbol, valid_from: timeMs }: InstrumentPlace): PageKey {
  return { timeMs, key: `${feed}\n${symbol}` };
}

/** The place that {@link keyOfInstrument} made a key of. */
export function placeOfInstrument({ timeMs, key }: PageKey): InstrumentPlace {
  const [feed = '', symbol = ''] = key.split('\n');
  return { feed, symbol, valid_from: timeMs };
}
