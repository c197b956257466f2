import type { GeneratedKind } from '@kandle/feeds/ndjson/generated-lines';
import { startGenerator } from '@kandle/feeds/ndjson/generator';
import { startTwelveDataServer } from '@kandle/feeds/twelvedata/server';
import { startSampledMarket } from '@kandle/feeds/vendor/sampled-market';
import { startYahooPollServer } from '@kandle/feeds/yahoo/poll-server';
import { startYahooServer } from '@kandle/feeds/yahoo/server';
import { formatSymbols } from '@kandle/market/event/symbol';

/** Vendors of which this project has a server of its own, with a made-up market behind it. */
export const VENDOR_FEEDS = ['twelvedata', 'yahoo', 'yahoo-poll', 'tcp', 'tcp-trades'] as const;

/** A vendor of which this project has a server. */
export type VendorFeedName = (typeof VENDOR_FEEDS)[number];

/** The market behind a vendor. */
export interface MarketChoice {
  readonly seed: number;
  /** Trades a second. */
  readonly rate: number;
  /** Number of symbols. */
  readonly symbols: number;
}

/** A running vendor, and how ingest is led to it. */
export interface VendorFeed {
  readonly name: string;
  readonly symbols: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

/** Starts the project's own server of a vendor. */
export async function startVendorFeed(
  vendor: VendorFeedName,
  choice: MarketChoice,
  log: (line: string) => void,
): Promise<VendorFeed> {
  if (vendor === 'tcp') return generated('bars', choice, log);
  if (vendor === 'tcp-trades') return generated('trades', choice, log);
  if (vendor === 'yahoo-poll') return yahooPoll(choice);
  return vendor === 'twelvedata' ? twelveData(choice) : yahoo(choice);
}

/** Each feed has a name of its own: its shards, views and candles never mix with another's. */
function named(feed: string): { readonly FEED: string } {
  return { FEED: `sim-${feed}` };
}

async function twelveData({ seed, rate, symbols }: MarketChoice): Promise<VendorFeed> {
  const market = startSampledMarket({ seed, rate, symbols, onSamples: (samples) => server.show(samples) });
  const server = await startTwelveDataServer(0, (symbol) => market.symbols.includes(symbol));
  return {
    name: "a market that speaks Twelve Data's protocol",
    symbols: market.symbols,
    env: {
      ...named('twelvedata'),
      VENDOR: 'twelvedata',
      FEED_URL: server.url,
      TWELVEDATA_KEY: 'simulator',
      SYMBOLS: formatSymbols(market.symbols),
    },
    async close() {
      market.close();
      await server.close();
    },
  };
}

async function yahoo({ seed, rate, symbols }: MarketChoice): Promise<VendorFeed> {
  const market = startSampledMarket({ seed, rate, symbols, onSamples: (samples) => server.show(samples) });
  const server = await startYahooServer(0, (symbol) => market.last(symbol));
  return {
    name: "a market that speaks the protocol of Yahoo's stream",
    symbols: market.symbols,
    env: {
      ...named('yahoo'),
      VENDOR: 'yahoo',
      FEED_URL: server.url,
      SYMBOLS: formatSymbols(market.symbols),
    },
    async close() {
      market.close();
      await server.close();
    },
  };
}

async function yahooPoll({ seed, rate, symbols }: MarketChoice): Promise<VendorFeed> {
  const market = startSampledMarket({ seed, rate, symbols, onSamples: () => undefined });
  const server = await startYahooPollServer({ port: 0, last: (symbol) => market.last(symbol) });
  return {
    name: 'a market that answers as the quotes of Yahoo do',
    symbols: market.symbols,
    env: {
      ...named('yahoo-poll'),
      VENDOR: 'yahoo-poll',
      FEED_URL: server.url,
      YAHOO_COOKIE_URL: server.url,
      POLL_MS: '2000',
      SYMBOLS: formatSymbols(market.symbols),
    },
    async close() {
      market.close();
      await server.close();
    },
  };
}

async function generated(
  kind: GeneratedKind,
  { seed, rate, symbols }: MarketChoice,
  log: (line: string) => void,
): Promise<VendorFeed> {
  const place = { host: '127.0.0.1', port: 0, way: 'listen' } as const;
  const generator = await startGenerator({ kind, seed, rate, symbols }, place, log);
  return {
    name: kind === 'bars' ? 'a generator of OHLC bars over TCP' : 'a generator of trades over TCP',
    symbols: generator.symbols,
    env: {
      ...named(kind === 'bars' ? 'tcp' : 'tcp-trades'),
      VENDOR: 'ndjson',
      // The manifest names symbols; this feed is asked for none.
      SYMBOLS: '',
      FEED_URL: generator.url,
      NDJSON_MAPPING: kind,
    },
    close: () => generator.close(),
  };
}
