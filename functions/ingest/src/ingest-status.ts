import type { RefusedSymbol } from '@kandle/market/feed/subscriptions';
import type { Metrics } from './metrics.ts';

/** Why there is no connection. */
export interface Away {
  /** In the feed's words. */
  readonly reason: string;
  /** Until then by the wall clock none is tried, milliseconds. */
  readonly untilMs: number;
  /** The vendor has said that it does not want us. */
  readonly refused: boolean;
}

/** What ingest is doing, as `GET /status` tells it. */
export interface IngestStatus extends Readonly<Metrics> {
  readonly feed: string;
  /** 0 until the log was read back. */
  readonly epoch: number;
  readonly connected: boolean;
  /** Null while there is a connection, and before the first was tried. */
  readonly away: Away | null;
  /** Whether any market of its symbols is open, by the calendar; `unknown` where it knows none of them. */
  readonly market: 'open' | 'closed' | 'unknown';
  /** Number of the newest connection, 0 before the first. */
  readonly connection: number;
  /** Symbols asked for on this connection, and not known to be refused. */
  readonly subscribed: readonly string[];
  /** Symbols that do not come: no symbol at all, or refused by the vendor. */
  readonly refused: readonly RefusedSymbol[];
  /** Symbols that have come with a volume of 0 only: they have no candle. */
  readonly priceOnly: readonly string[];
  /** Number of symbols asked for. */
  readonly symbols: number;
  /** Accepted records not yet acknowledged. */
  readonly buffered: number;
  /** The recording has ended. */
  readonly ended: boolean;
  /** It has ended and everything is acknowledged. */
  readonly drained: boolean;
  readonly shards: Readonly<
    Record<string, { readonly watermarkMs: number | null; readonly sequence: number }>
  >;
}
