/** Most bytes of a symbol in UTF-8: keys, ids and lines of a screen are made with it. */
const MAX_BYTES = 64;
/** What nearly every symbol is; the rest is looked at more closely. */
const PLAIN = /^[!-~](?:[ -~]{0,62}[!-~])?$/;
/** Control and format characters, halves of characters, private ones, and ends of lines and paragraphs. */
const NOT_PRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/u;
const encoder = new TextEncoder();

/**
 * A symbol as the pipeline spells it, null if it is none: any printable text of 1 to 64 bytes in UTF-8,
 * composed (NFC) and without blanks around it. Otherwise it stays as the feed has it: `AAPL`, `M&M.NS`,
 * `IC MARKETS:1`, `BINANCE:币安人生USDT`.
 */
export function readSymbol(value: unknown): string | null {
  if (typeof value !== 'string') return null;
  if (PLAIN.test(value)) return value;
  if (NOT_PRINTABLE.test(value)) return null;
  const symbol = value.normalize('NFC').trim();
  return symbol !== '' && encoder.encode(symbol).length <= MAX_BYTES ? symbol : null;
}

/** True for a symbol as the pipeline spells it. */
export function isSymbol(value: unknown): value is string {
  return typeof value === 'string' && readSymbol(value) === value;
}

/** Symbols as one text: joined by commas, or as a JSON array where one of them could be taken for several. */
export function formatSymbols(symbols: readonly string[]): string {
  const isPlain = symbols.every((symbol) => !symbol.includes(',') && !symbol.startsWith('['));
  return isPlain ? symbols.join(',') : JSON.stringify(symbols);
}

/**
 * The symbols of a text that {@link formatSymbols} or a person wrote; blanks around them and empty ones are
 * left out.
 */
export function parseSymbols(text: string): readonly string[] {
  const parts = arrayOf(text) ?? text.split(',');
  return parts.map((part) => part.trim()).filter((part) => part !== '');
}

function arrayOf(text: string): readonly string[] | null {
  if (!text.startsWith('[')) return null;
  try {
    const parsed: unknown = JSON.parse(text);
    return Array.isArray(parsed) ? parsed.map(String) : null;
  } catch {
    return null;
  }
}
