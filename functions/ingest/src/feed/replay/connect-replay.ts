import { parseFinnhubFrame } from '@kandle/market/feed/finnhub/frame';
import { frameReader } from '@kandle/market/feed/vendor';
import type { IngestConfig } from '../../config.ts';
import type { Feed, FeedHandlers, FeedParts } from '../feed.ts';
import { mendOptions } from '../line/mend-options.ts';
import { createMendedFeed } from '../line/mended-feed.ts';
import { webSocketLine } from '../line/web-socket-line.ts';

/** What our replay server says of the time between the frames; no vendor but Finnhub begins a text so. */
const PING = '{"type":"ping"';

/**
 * A recording of any vendor, as our replay server plays it: the frames are the vendor's, everything around them
 * is Finnhub's.
 */
export function connectReplay(config: IngestConfig, handlers: FeedHandlers, parts: FeedParts): Feed {
  const url = new URL(config.FEED_URL);
  url.searchParams.set('token', 'replay');
  const readFrame = frameReader(config.VENDOR, config.NDJSON_MAPPING);
  const open = webSocketLine(
    {
      url,
      key: null,
      requests: parts.symbols.map((symbol) => JSON.stringify({ type: 'subscribe', symbol })),
      heartbeat: null,
      refusals: new Map(),
      parse: (text) => (text.startsWith(PING) ? parseFinnhubFrame(text) : readFrame(text)),
      spanOf: () => null,
    },
    { maxFrameBytes: config.MAX_FRAME_BYTES, isReplay: true },
  );
  return createMendedFeed(open, mendOptions(config, parts), handlers);
}
