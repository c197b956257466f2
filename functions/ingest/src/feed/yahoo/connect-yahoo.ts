import { parseYahooFrame } from '@kandle/market/feed/yahoo/frame';
import type { IngestConfig } from '../../config.ts';
import type { Feed, FeedHandlers, FeedParts } from '../feed.ts';
import { mendOptions } from '../line/mend-options.ts';
import { createMendedFeed } from '../line/mended-feed.ts';
import { webSocketLine } from '../line/web-socket-line.ts';

/** It sends no sign of life of its own, and at night nothing. */
const PING_MS = 10_000;

const REFUSALS: ReadonlyMap<number, string> = new Map([
  [401, 'Yahoo does not let this client in'],
  [403, 'Yahoo does not let this client in'],
  [429, 'Yahoo has had too many requests from this address'],
]);

/** Yahoo's stream as the configuration asks for it: no key, and no answer to what is asked for. */
export function connectYahoo(config: IngestConfig, handlers: FeedHandlers, parts: FeedParts): Feed {
  const options = mendOptions(config, parts);
  const open = webSocketLine(
    {
      url: new URL(config.FEED_URL),
      key: null,
      requests: [JSON.stringify({ subscribe: parts.symbols })],
      heartbeat: { text: null, everyMs: PING_MS },
      refusals: REFUSALS,
      parse: parseYahooFrame,
      // What is within base64 cannot be known without reading it.
      spanOf: () => null,
    },
    { maxFrameBytes: config.MAX_FRAME_BYTES, isReplay: options.isReplay },
  );
  return createMendedFeed(open, options, handlers);
}
