import { eventSpanOf, parseFinnhubFrame } from '@kandle/market/feed/finnhub/frame';
import type { Feed, FeedHandlers } from '../feed.ts';
import { createMendedFeed, type MendOptions } from '../line/mended-feed.ts';
import { webSocketLine } from '../line/web-socket-line.ts';

/** How to connect to Finnhub, or to a server that speaks its protocol. */
export interface FinnhubFeedOptions extends MendOptions {
  readonly url: string;
  /** The key of now; it goes into the address only, never into a log or an error. */
  readonly token: () => string;
  readonly symbols: readonly string[];
  /** Further subscriptions of each symbol beside its trades, such as `subscribe-news`. */
  readonly subscriptions: readonly string[];
  /** Longest frame that is taken, bytes. */
  readonly maxFrameBytes: number;
}

/** Answers to the handshake that trying again soon would only make worse. */
const REFUSALS: ReadonlyMap<number, string> = new Map([
  [401, 'the feed does not accept the key: check FINNHUB_TOKEN'],
  [403, 'the feed does not accept the key: check FINNHUB_TOKEN and its plan'],
  [429, 'the feed has too many connections or requests of this key: is it in use elsewhere?'],
]);

/** Builds the client; it connects on `start`. */
export function createFinnhubFeed(options: FinnhubFeedOptions, handlers: FeedHandlers): Feed {
  const { token, symbols, subscriptions } = options;
  const requests = ['subscribe', ...subscriptions].flatMap((type) =>
    symbols.map((symbol) => JSON.stringify({ type, symbol })),
  );
  const open = webSocketLine(
    {
      url: new URL(options.url),
      key: { parameter: 'token', read: token },
      requests,
      heartbeat: null,
      refusals: REFUSALS,
      parse: parseFinnhubFrame,
      spanOf: eventSpanOf,
    },
    options,
  );
  return createMendedFeed(open, options, handlers);
}
