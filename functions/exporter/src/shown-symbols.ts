/** Which symbols get a series of their own: each one costs Prometheus memory. */
export interface SymbolChoice {
  /** Exactly these, if it is set. */
  readonly symbols: readonly string[] | undefined;
  /**
   * Else the first of each feed, in the order of their names, so that the same ones are shown after a restart.
   */
  readonly maxSymbols: number;
}

/** The symbols of one feed that get a series of their own. The others share `symbol="other"`, or have none. */
export function shownSymbols(
  ofFeed: readonly string[],
  { symbols, maxSymbols }: SymbolChoice,
): ReadonlySet<string> {
  return new Set(symbols ?? ofFeed.toSorted().slice(0, maxSymbols));
}

/** The label of all symbols that are not shown. No symbol is spelled like this. */
export const OTHER_SYMBOLS = 'other';
