import { partsOf } from '@kandle/market/event/parts';
import { eventSpanOf, parseTwelveDataFrame } from '@kandle/market/feed/twelvedata/frame';
import { createKey, type IngestConfig } from '../../config.ts';
import type { Feed, FeedHandlers, FeedParts } from '../feed.ts';
import { mendOptions } from '../line/mend-options.ts';
import { createMendedFeed } from '../line/mended-feed.ts';
import { webSocketLine } from '../line/web-socket-line.ts';

/** As its official client does; a line on which nothing is said may be cut. */
const HEARTBEAT = { text: '{"action":"heartbeat"}', everyMs: 10_000 };
/** Symbols of a request: it takes 100 requests and a message of 1 MB. */
const SYMBOLS_PER_REQUEST = 500;

const REFUSALS: ReadonlyMap<number, string> = new Map([
  [401, 'Twelve Data does not accept the key: check TWELVEDATA_KEY'],
  [403, 'Twelve Data does not give this to the plan of the key: check TWELVEDATA_KEY and its plan'],
  [429, 'Twelve Data has too many connections or requests of this key: is it in use elsewhere?'],
]);

/** Twelve Data's prices as the configuration asks for them. @throws {FatalError} If the key cannot be read. */
export function connectTwelveData(config: IngestConfig, handlers: FeedHandlers, parts: FeedParts): Feed {
  const options = mendOptions(config, parts);
  const requests = partsOf(parts.symbols, SYMBOLS_PER_REQUEST).map((symbols) =>
    JSON.stringify({ action: 'subscribe', params: { symbols: symbols.join(',') } }),
  );
  const open = webSocketLine(
    {
      url: new URL(config.FEED_URL),
      key: { parameter: 'apikey', read: createKey(config) },
      requests,
      heartbeat: HEARTBEAT,
      refusals: REFUSALS,
      parse: parseTwelveDataFrame,
      spanOf: eventSpanOf,
    },
    { maxFrameBytes: config.MAX_FRAME_BYTES, isReplay: options.isReplay },
  );
  return createMendedFeed(open, options, handlers);
}
