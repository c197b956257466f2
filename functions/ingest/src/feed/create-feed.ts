import type { Vendor } from '@kandle/market/feed/vendor';
import type { IngestConfig } from '../config.ts';
import type { Feed, FeedHandlers, FeedParts } from './feed.ts';
import { connectFinnhub } from './finnhub/connect-finnhub.ts';
import { connectNdjson } from './ndjson/connect-ndjson.ts';
import { connectReplay } from './replay/connect-replay.ts';
import { connectTwelveData } from './twelvedata/connect-twelvedata.ts';
import { connectYahoo } from './yahoo/connect-yahoo.ts';
import { connectYahooPoll } from './yahoo/connect-yahoo-poll.ts';

type Connect = (config: IngestConfig, handlers: FeedHandlers, parts: FeedParts) => Feed;

/** How each vendor is connected to. */
const CONNECT: Readonly<Record<Vendor, Connect>> = {
  finnhub: connectFinnhub,
  twelvedata: connectTwelveData,
  yahoo: connectYahoo,
  'yahoo-poll': connectYahooPoll,
  ndjson: connectNdjson,
};

/**
 * The feed that the configuration asks for. @throws {FatalError} If its key or a certificate cannot be read.
 */
export function createFeed(config: IngestConfig, handlers: FeedHandlers, parts: FeedParts): Feed {
  const isReplay = config.REPLAY_SPEED !== undefined && config.VENDOR !== 'finnhub';
  return (isReplay ? connectReplay : CONNECT[config.VENDOR])(config, handlers, parts);
}
