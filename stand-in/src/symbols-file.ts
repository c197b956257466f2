import { writeFileSync } from 'node:fs';
import { parseSymbols } from '@kandle/market/event/symbol';

/** The symbols in a file: Linux takes no variable above 128 KiB, and a market of 9,000 symbols is more. */
export function withSymbolsFile(
  { SYMBOLS: symbols, ...feed }: Readonly<Record<string, string>>,
  file: string,
): Record<string, string> {
  if (symbols === undefined || symbols === '') return { ...feed, SYMBOLS: symbols ?? '' };
  writeFileSync(file, parseSymbols(symbols).join('\n'));
  // An empty variable counts as absent: the manifest names a symbol, too.
  return { ...feed, SYMBOLS: '', SYMBOLS_FILE: file };
}
