import type { IngestConfig } from '../../config.ts';
import type { Feed, FeedHandlers, FeedParts } from '../feed.ts';
import { mendOptions } from '../line/mend-options.ts';
import { createMendedFeed } from '../line/mended-feed.ts';
import { yahooPollLine } from './poll-line.ts';

/** Yahoo's quotes or charts, asked for from time to time, as the configuration says. */
export function connectYahooPoll(config: IngestConfig, handlers: FeedHandlers, parts: FeedParts): Feed {
  const open = yahooPollLine({
    url: new URL(config.FEED_URL),
    cookieUrl: new URL(config.YAHOO_COOKIE_URL),
    symbols: parts.symbols,
    by: config.POLL_BY,
    everyMs: config.POLL_MS,
    pauseMs: config.PAUSE_MS,
    maxFrameBytes: config.MAX_FRAME_BYTES,
    random: Math.random,
  });
  return createMendedFeed(open, mendOptions(config, parts), handlers);
}
