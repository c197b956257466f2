import type { FeedFrame } from '@kandle/market/feed/feed-frame';
import type { GapReason } from '@kandle/market/feed/feed-gap';
import type { Logger } from '@kandle/runtime/log';
import type { Moments } from './moments.ts';

/**
 * A connection to a vendor's feed that mends itself; never more than one at a time. Each vendor's own is in a
 * folder beside this file, and `create-feed.ts` picks it.
 */
export interface Feed {
  start(): void;
  /** Holds the vendor back: it waits. A few frames received already still come. */
  pause(): void;
  resume(): void;
  /**
   * Ends the connection for good; frames that still come are not told.
   *
   * @param goodbye Says so to the server; without it, a replay server sends again what it sent last.
   */
  stop(goodbye: boolean): Promise<void>;
}

/** What a feed needs beside its configuration. */
export interface FeedParts {
  readonly symbols: readonly string[];
  readonly moments: Pick<Moments, 'hasStoodStill'>;
  /** True if the topics have everything that was taken in so far; null where nothing is sent on. */
  readonly isAllSent: (() => boolean) | null;
  readonly log: Logger;
}

/** What a feed tells. Connections are numbered from 1; a frame belongs to the one opened last. */
export interface FeedHandlers {
  /**
   * `lost` says why the connection before it ended; null for the first; `kept` if nothing can be missing,
   * whatever was before: what was sent meanwhile comes now.
   */
  onConnected(connection: number, lost: GapReason | 'kept' | null): void;
  onDisconnected(): void;
  /**
   * There is no connection, for the reason that `words` say, and none is tried for so long; `isRefused` if the
   * vendor has said that it does not want us.
   */
  onWaiting(words: string, waitMs: number, isRefused: boolean): void;
  /** Something came, whatever it is: the connection is alive. */
  onAlive(): void;
  /**
   * This process stood still. What comes now may be old, and is no sign of life until {@link onAlive} says so.
   */
  onStandstill(): void;
  /** A frame, and the text that it was; empty if it was none. */
  onFrame(frame: FeedFrame, text: string): void;
  /** The recording has ended; nothing more will come. */
  onEnd(): void;
}
