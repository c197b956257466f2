import type { FeedFrame } from '@kandle/market/feed/feed-frame';
import type { GapReason } from '@kandle/market/feed/feed-gap';

/** One connection to a vendor, or the attempt at one. */
export interface Line {
  pause(): void;
  resume(): void;
  /** Ends it at once, without a word; it tells nothing more. */
  cut(): void;
  /** Ends it with a word, and tells no more frames; resolves when the other side has answered, or will not. */
  leave(): Promise<void>;
  /** Asks the other side whether it is there; null where the protocol has no such question. */
  readonly ask: (() => void) | null;
}

/** What a connection tells, until it has told that it is closed. */
export interface LineEvents {
  onOpen(): void;
  /** Something came, whatever it is. */
  onAlive(): void;
  /** The other side has answered {@link Line.ask}. */
  onAnswer(): void;
  /** A frame, and the text that it was; empty if it was none. */
  onFrame(frame: FeedFrame, text: string): void;
  /**
   * The vendor does not want us: trying again soon would only make it worse. `waitMs` says how long to wait,
   * where that is not the longest wait of all feeds.
   */
  onRefused(words: string, waitMs?: number): void;
  onClosed(reason: GapReason, detail: string): void;
  /** The recording has ended. */
  onEnd(): void;
}

/** Opens a connection. */
export type OpenLine = (events: LineEvents) => Line;
