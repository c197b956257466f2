/** A symbol that does not come, and why. */
export interface RefusedSymbol {
  readonly symbol: string;
  readonly reason: string;
}

/**
 * Which of the symbols asked for on a connection the vendor has refused, as far as its errors tell.
 *
 * Vendors take symbols in the order in which they are asked for, up to the limit of a plan, and seldom name the
 * one that they refuse: each word about too many is taken to be of the last one that is not refused yet and has
 * sent nothing.
 */
export interface Subscriptions {
  /** A new connection: everything is asked for again. */
  begin(): void;
  /** An error of the vendor. @returns False if it cannot be about one of the symbols that were asked for. */
  refuse(message: string): boolean;
  /** The vendor refuses a symbol by its name. @returns False if it was not asked for. */
  refuseSymbol(refused: RefusedSymbol): boolean;
  /** Data of a symbol came: it is not refused. Cheap. */
  heard(symbol: string): void;
  /** Symbols asked for and not known to be refused. */
  subscribed(): readonly string[];
  refused(): readonly RefusedSymbol[];
}

const TOO_MANY = /too many|limit|maximum|exceed/i;

/** @param symbols In the order in which they are asked for, each once. */
export function createSubscriptions(symbols: readonly string[]): Subscriptions {
  const known = new Set(symbols);
  const refused = new Map<string, string>();
  const heard = new Set<string>();
  /** All from here on are refused, or have been heard. */
  let end = symbols.length;

  function named(message: string): string | undefined {
    const words = message.match(/[^\s'"`,;()]+/g) ?? [];
    return (
      words.find((word) => known.has(word)) ??
      words.map((word) => word.replace(/[.:!]+$/, '')).find((word) => known.has(word))
    );
  }

  function refuseLast(reason: string): boolean {
    while (end > 0) {
      end -= 1;
      const symbol = symbols[end];
      if (symbol === undefined || heard.has(symbol) || refused.has(symbol)) continue;
      refused.set(symbol, reason);
      return true;
    }
    return false;
  }

  return {
    begin() {
      refused.clear();
      heard.clear();
      end = symbols.length;
    },
    refuse(message) {
      const symbol = named(message);
      if (symbol !== undefined) {
        refused.set(symbol, message);
        return true;
      }
      return TOO_MANY.test(message) && refuseLast(message);
    },
    refuseSymbol({ symbol, reason }) {
      if (!known.has(symbol)) return false;
      refused.set(symbol, reason);
      return true;
    },
    heard(symbol) {
      if (heard.has(symbol) || !known.has(symbol)) return;
      heard.add(symbol);
      const reason = refused.get(symbol);
      if (reason === undefined) return;
      refused.delete(symbol);
      // The word was about another one.
      if (TOO_MANY.test(reason)) refuseLast(reason);
    },
    subscribed: () => symbols.filter((symbol) => !refused.has(symbol)),
    refused: () =>
      symbols.flatMap((symbol) => {
        const reason = refused.get(symbol);
        return reason === undefined ? [] : [{ symbol, reason }];
      }),
  };
}
