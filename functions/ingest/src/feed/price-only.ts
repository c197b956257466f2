/** Symbols that come with a volume of 0 only: prices without trades, of which marked candles are made. */
export interface PriceOnlySymbols {
  /** An entry of a symbol came. @returns True if now, for the first time, the symbol is worth a word. */
  see(symbol: string, isTrade: boolean): boolean;
  /** Those of which not one trade came. */
  all(): readonly string[];
}

/** Price updates without a trade after which a symbol is worth a word. */
const WORTH_A_WORD = 20;
/** Most symbols that are watched: more than any plan has, few enough to hold. */
const MAX_SYMBOLS = 100_000;

/** No symbol was seen yet. */
export function createPriceOnlySymbols(): PriceOnlySymbols {
  const traded = new Set<string>();
  const updates = new Map<string, number>();

  return {
    see(symbol, isTrade) {
      if (traded.has(symbol)) return false;
      if (isTrade) {
        updates.delete(symbol);
        if (traded.size < MAX_SYMBOLS) traded.add(symbol);
        return false;
      }
      const count = (updates.get(symbol) ?? 0) + 1;
      if (count > 1 || updates.size < MAX_SYMBOLS) updates.set(symbol, count);
      return count === WORTH_A_WORD;
    },
    all: () => [...updates.keys()],
  };
}
