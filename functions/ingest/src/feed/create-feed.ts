import type { FormatName } from '@kandle/market/feed/format-name';
import type { IngestConfig } from '../config.ts';
import type { Feed, FeedHandlers, FeedParts } from './feed.ts';
import { connectFinnhub } from './finnhub/connect-finnhub.ts';

type Connect = (config: IngestConfig, handlers: FeedHandlers, parts: FeedParts) => Feed;

/** How each vendor is connected to. */
const CONNECT: Readonly<Record<FormatName, Connect>> = { finnhub: connectFinnhub };

/** The feed that the configuration asks for. @throws {FatalError} If its key cannot be read. */
export function createFeed(config: IngestConfig, handlers: FeedHandlers, parts: FeedParts): Feed {
  return CONNECT[config.VENDOR](config, handlers, parts);
}
