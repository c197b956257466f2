/** What is traded, as far as the spelling of a symbol tells. */
export type Market = 'Stock' | 'Index' | 'Forex' | 'Crypto';

const CRYPTO_PLACES = new Set([
  'BINANCE',
  'COINBASE',
  'KRAKEN',
  'BITFINEX',
  'BITSTAMP',
  'BYBIT',
  'OKX',
  'KUCOIN',
]);

/** The kind of market and the place that a symbol's spelling names: `BINANCE:BTCUSDT`, `^GSPC`, `EUR/USD`. */
export function marketOf(symbol: string): { readonly market: Market; readonly place: string | null } {
  const [, place = null, name = symbol] = /^([A-Z0-9 ]+):(.+)$/.exec(symbol) ?? [];
  return { market: kindOf(place, name), place };
}

function kindOf(place: string | null, name: string): Market {
  if (/^[\^.]/.test(name)) return 'Index';
  if ((place !== null && CRYPTO_PLACES.has(place)) || /(-USDT?|USDT|USDC|-EUR|-BTC)$/.test(name))
    return 'Crypto';
  if (/^[A-Z]{3}[/_][A-Z]{3}$/.test(name) || name.endsWith('=X')) return 'Forex';
  return 'Stock';
}
