import { createKey, type IngestConfig } from '../../config.ts';
import type { Feed, FeedHandlers, FeedParts } from '../feed.ts';
import { mendOptions } from '../line/mend-options.ts';
import { createFinnhubFeed } from './finnhub-feed.ts';

/** Finnhub's feed as the configuration asks for it. @throws {FatalError} If the key cannot be read. */
export function connectFinnhub(config: IngestConfig, handlers: FeedHandlers, parts: FeedParts): Feed {
  const options = {
    ...mendOptions(config, parts),
    url: config.FEED_URL,
    token: createKey(config),
    symbols: parts.symbols,
    subscriptions: [...(config.NEWS ? ['subscribe-news'] : []), ...(config.BOOKS ? ['subscribe-book'] : [])],
    maxFrameBytes: config.MAX_FRAME_BYTES,
  };
  return createFinnhubFeed(options, handlers);
}
