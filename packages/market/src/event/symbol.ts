const SYMBOL = /^[A-Z0-9^][A-Za-z0-9 ./:_=^-]{0,63}$/;

/** True for a symbol as feeds spell them: `AAPL`, `BINANCE:BTCUSDT`, `IC MARKETS:1`, `^GSPC`, `EUR/USD`, `JPY=X`. */
export function isSymbol(value: unknown): value is string {
  return typeof value === 'string' && SYMBOL.test(value);
}
