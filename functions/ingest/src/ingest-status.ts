import type { RefusedSymbol } from '@kandle/market/feed/subscriptions';
import type { Metrics } from './metrics.ts';

/** What ingest is doing, as `GET /status` tells it. */
export interface IngestStatus extends Readonly<Metrics> {
  readonly feed: string;
  /** 0 until the log was read back. */
  readonly epoch: number;
  readonly connected: boolean;
  /** Why there is no connection, in the feed's words, and until when none is tried; null while there is one. */
  readonly away: { readonly reason: string; readonly untilMs: number } | null;
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
