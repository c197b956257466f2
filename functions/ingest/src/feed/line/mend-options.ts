import { hoursOfSymbols, type MarketHours, readMarketHours } from '@kandle/market/feed/market-hours';
import type { IngestConfig } from '../../config.ts';
import type { FeedParts } from '../feed.ts';
import type { MendOptions } from './mended-feed.ts';

/** When data of a feed is to be expected. */
export function marketHoursOf(
  { MARKET_HOURS }: Pick<IngestConfig, 'MARKET_HOURS'>,
  symbols: readonly string[],
): MarketHours {
  return readMarketHours(MARKET_HOURS) ?? hoursOfSymbols(symbols);
}

/** How a feed of the configuration is mended. */
export function mendOptions(config: IngestConfig, { symbols, moments, log }: FeedParts): MendOptions {
  const hours = marketHoursOf(config, symbols);
  // Lines of JSON over TCP have no sign of life: at night nothing comes on them, if one says when night is.
  const hasNights = config.VENDOR === 'ndjson' && config.MARKET_HOURS !== 'auto';
  return {
    hasStoodStill: () => moments.hasStoodStill(),
    silenceMs: config.SILENCE_MS,
    mayBeSilent: () => hasNights && !hours.isOpen(Date.now()),
    muteMs: config.MUTE_MS,
    isDataExpected: () => hours.isOpen(Date.now()),
    reconnectMinMs: config.RECONNECT_MIN_MS,
    reconnectMaxMs: config.RECONNECT_MAX_MS,
    stableMs: config.STABLE_MS,
    isReplay: config.REPLAY_SPEED !== undefined,
    random: Math.random,
    log,
  };
}
