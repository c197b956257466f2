const MAX_PRICE = 1e12;
const MAX_SIZE = 1e15;

/** Futures as Finnhub and Yahoo (`CL=F`) and as TradingView (`NYMEX:CL1!`) spell them. */
const FUTURES = /(=F|!)$/;

/**
 * True for a symbol whose price may be 0 or below: a future, for whoever takes the goods may have to be paid.
 * Of shares, coins and currencies such a price is a fault of the feed.
 */
export function canBeBelowZero(symbol: string): boolean {
  return FUTURES.test(symbol);
}

/** True for a number within the bounds of prices. */
export function isPrice(value: unknown, isSigned: boolean): value is number {
  if (typeof value !== 'number' || value > MAX_PRICE) return false;
  return isSigned ? value >= -MAX_PRICE : value > 0;
}

/** True for a number within the bounds of sizes. */
export function isSize(value: unknown): value is number {
  return typeof value === 'number' && value > 0 && value <= MAX_SIZE;
}
