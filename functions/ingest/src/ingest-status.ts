import type { Metrics } from './metrics.ts';

/** What ingest is doing, as `GET /status` tells it. */
export interface IngestStatus extends Readonly<Metrics> {
  readonly feed: string;
  /** 0 until the log was read back. */
  readonly epoch: number;
  readonly connected: boolean;
  /** Number of the newest connection, 0 before the first. */
  readonly connection: number;
  readonly subscribed: readonly string[];
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
