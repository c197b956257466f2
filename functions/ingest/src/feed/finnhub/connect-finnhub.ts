import { type IngestConfig, readToken } from '../../config.ts';
import type { Feed, FeedHandlers, FeedParts } from '../feed.ts';
import { createFinnhubFeed } from './finnhub-feed.ts';

/** Finnhub's feed as the configuration asks for it. @throws {FatalError} If the key cannot be read. */
export function connectFinnhub(
  config: IngestConfig,
  handlers: FeedHandlers,
  { symbols, moments, log }: FeedParts,
): Feed {
  const options = {
    url: config.FEED_URL,
    token: readToken(config),
    symbols,
    subscriptions: [...(config.NEWS ? ['subscribe-news'] : []), ...(config.BOOKS ? ['subscribe-book'] : [])],
    maxFrameBytes: config.MAX_FRAME_BYTES,
    hasStoodStill: () => moments.hasStoodStill(),
    silenceMs: config.SILENCE_MS,
    reconnectMinMs: config.RECONNECT_MIN_MS,
    reconnectMaxMs: config.RECONNECT_MAX_MS,
    stableMs: config.STABLE_MS,
    isReplay: config.REPLAY_SPEED !== undefined,
    random: Math.random,
    log,
  };
  return createFinnhubFeed(options, handlers);
}
