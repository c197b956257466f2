/**
 * Trades of a topic as a pipeline writes them that this one replaces: symbol, price, volume and trade timestamp
 * in milliseconds.
 */
export const FOREIGN_TRADE = {
  type: 'record',
  name: 'trade',
  fields: [
    { name: 'symbol', type: 'string' },
    { name: 'price', type: 'double' },
    { name: 'volume', type: 'double' },
    { name: 'trade_timestamp', type: 'long' },
  ],
};

/** Where ingest finds what in such a trade, as `NDJSON_MAPPING`. */
export const FOREIGN_TRADE_MAPPING = JSON.stringify([
  {
    kind: 'trade',
    symbol: 'symbol',
    price: 'price',
    size: 'volume',
    time: { name: 'trade_timestamp', unit: 'ms' },
  },
]);
