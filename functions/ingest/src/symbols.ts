import { isSymbol, readSymbol } from '@kandle/market/event/symbol';
import type { RefusedSymbol } from '@kandle/market/feed/subscriptions';
import { FatalError } from '@kandle/runtime/errors';
import { readSecret } from '@kandle/runtime/secret';
import type { IngestConfig } from './config.ts';
import { VENDOR_FACTS } from './feed/vendors.ts';

/** The symbols of a feed, in the order in which they are asked for. */
export interface AskedSymbols {
  readonly symbols: readonly string[];
  /** What was asked for and is no symbol. */
  readonly refused: readonly RefusedSymbol[];
}

/** What a feed of a configuration is asked for: nothing of one that sends what it has. */
export function askedSymbols(config: IngestConfig): AskedSymbols {
  if (config.SYMBOLS === undefined && config.SYMBOLS_FILE === undefined) return { symbols: [], refused: [] };
  const { symbols, refused } = readSymbols(config);
  const most = VENDOR_FACTS[config.VENDOR].maxSymbols ?? symbols.length;
  const reason = `${config.VENDOR} takes ${most} symbols of a connection, and drops more without a word`;
  const tooMany = symbols.slice(most).map((symbol) => ({ symbol, reason }));
  return { symbols: symbols.slice(0, most), refused: [...refused, ...tooMany] };
}

/**
 * The symbols from `SYMBOLS`, or from the lines of `SYMBOLS_FILE`: an environment has no room for thousands.
 * Each once; what is no symbol is left out, and the others go on.
 *
 * @throws {FatalError} If the file cannot be read, or no symbol is left.
 */
export function readSymbols({
  SYMBOLS,
  SYMBOLS_FILE,
}: Pick<IngestConfig, 'SYMBOLS' | 'SYMBOLS_FILE'>): AskedSymbols {
  const name = SYMBOLS_FILE === undefined ? 'SYMBOLS' : 'SYMBOLS_FILE';
  const asked =
    SYMBOLS_FILE === undefined ? (SYMBOLS ?? []) : linesOf(readSecret(SYMBOLS_FILE, 'SYMBOLS_FILE'));
  // As the pipeline spells them: `AAPL` and the same with blanks around it are one.
  const distinct = [...new Set(asked.map((symbol) => readSymbol(symbol) ?? symbol))];
  const symbols = distinct.filter(isSymbol);
  if (symbols.length === 0) {
    throw new FatalError(`Cannot start: ${name}: expected symbols as the feed spells them, such as AAPL`);
  }
  const refused = distinct
    .filter((symbol): boolean => !isSymbol(symbol))
    .map((symbol) => ({ symbol: symbol.slice(0, MAX_SHOWN), reason: 'not a symbol' }));
  return { symbols, refused };
}

/** Longest text of what is no symbol that is shown. */
const MAX_SHOWN = 80;

function linesOf(text: string): readonly string[] {
  return text
    .replace(/^\uFEFF/, '')
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== '');
}
