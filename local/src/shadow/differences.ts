import { CANDLE_CONTENT } from '@kandle/market/view/columns';

/** A candle as a row of `candles_5s` has it: its columns as texts, by name. */
export type CandleText = Readonly<Record<string, string>>;

/** Where a candle stands. */
export interface CandlePlace {
  readonly feed: string;
  readonly symbol: string;
  readonly startMs: number;
}

/** What a shadow has otherwise. */
export interface Difference extends CandlePlace {
  readonly kind: 'added' | 'removed' | 'changed';
  /** The columns that differ, and what they are there and here; all of them where one side has no row. */
  readonly fields: Readonly<Record<string, readonly [production: string, shadow: string]>>;
  readonly cause: string;
}

/** What was played otherwise than it had been. */
export interface Changes {
  readonly rules: boolean;
  readonly grace: boolean;
}

const HISTORY: ReadonlySet<string> = new Set(['state', 'revision', 'reason']);
const COUNTS: ReadonlySet<string> = new Set(['trade_count', 'volume_e8', 'volume']);

/**
 * Compares one candle on both sides; null where they say the same. Of a repeated or redriven event the window
 * may have been written once more, so its `version` does not count.
 */
export function differenceOf(
  place: CandlePlace,
  production: CandleText | undefined,
  shadow: CandleText | undefined,
  changes: Changes,
): Difference | null {
  const fields: Record<string, readonly [string, string]> = {};
  for (const name of CANDLE_CONTENT) {
    const [there, here] = [production?.[name] ?? '', shadow?.[name] ?? ''];
    // A row of before there was such a column says nothing of it; only a reason is an empty text.
    const isUnsaid = production !== undefined && there === '' && name !== 'reason';
    if (there !== here && !isUnsaid) fields[name] = [there, here];
  }
  const names = Object.keys(fields);
  if (names.length === 0) return null;
  const kind = production === undefined ? 'added' : shadow === undefined ? 'removed' : 'changed';
  return { ...place, kind, fields, cause: causeOf(kind, names, changes) };
}

/** What explains a difference, as far as its kind says it. */
function causeOf(kind: Difference['kind'], names: readonly string[], { rules, grace }: Changes): string {
  const otherRules = rules ? 'the rules that were given' : 'the functions count otherwise than they did';
  if (kind === 'added') return `trades count that did not: ${otherRules}`;
  if (kind === 'removed')
    return rules ? `no trade of it counts: ${otherRules}` : 'the log has no trade of it';
  if (names.every((name) => HISTORY.has(name)))
    return grace
      ? 'it was closed at another time: the grace that was given'
      : 'its batches came in another order: a dead letter that was sent again, or a repair';
  if (names.some((name) => COUNTS.has(name))) return `other trades count: ${otherRules}`;
  if (names.every((name) => name === 'complete' || HISTORY.has(name)))
    return 'a gap that is told, or no longer';
  return `other prices count: ${otherRules}`;
}
