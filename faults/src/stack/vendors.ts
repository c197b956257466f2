import { startVendorMarket, type VendorMarket } from '@kandle/feeds/vendor/vendor-market';
import type { VendorName } from '@kandle/feeds/vendor/vendor-servers';

const SYMBOLS = ['AAPL', 'MSFT', 'BTC-USD'];
const EVERY_MS = 200;

/** Starts a market of each vendor; its feed goes by the vendor's name. */
export async function startVendors(
  names: readonly VendorName[],
  seed: number,
  redeliverMs: number,
): Promise<readonly VendorMarket[]> {
  const started: VendorMarket[] = [];
  for (const [place, name] of names.entries()) {
    const options = { feed: name, symbols: SYMBOLS, seed: seed + place, everyMs: EVERY_MS, redeliverMs };
    started.push(await startVendorMarket(name, options));
  }
  return started;
}

/** Variables of ingest for a vendor's market: times that a run under faults can wait for. */
export function vendorEnv({ env }: VendorMarket): Readonly<Record<string, string>> {
  return {
    ...env,
    RECONNECT_MIN_MS: '100',
    RECONNECT_MAX_MS: '2000',
    // The market gives a sign of life each second, and is always open.
    SILENCE_MS: '5000',
    MUTE_MS: '10000',
    MARKET_HOURS: 'always',
  };
}
