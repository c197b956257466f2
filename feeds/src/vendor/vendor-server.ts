import type { MarketSample } from './sample.ts';

/** A server that speaks a vendor's protocol, and does to its clients what it is told. */
export interface VendorServer {
  /** Variables of ingest that lead to it, but for the symbols. */
  readonly env: Readonly<Record<string, string>>;
  /** True if it shows looks at a market; false if it tells trades, each of one share. */
  readonly isSampled: boolean;
  /** A frame of one entry; where it is asked, of the last ones of all symbols. */
  frame(sample: MarketSample): string;
  /** A text to whoever is connected, whatever it is. */
  send(text: string | Buffer): void;
  /** What each new connection is sent at once. */
  greetBy(texts: () => readonly string[]): void;
  /** A sign of life that says nothing of a market. */
  pulse(): void;
  clients(): number;
  /** Connections and attempts so far; of one that is asked, questions. */
  handshakes(): number;
  /** Cuts every connection. */
  cut(): void;
  /** Cuts every connection in the middle of a frame. */
  cutWithin(text: string): void;
  /** Takes clients in and closes them at once, until told otherwise. */
  closeAtOnce(isSo: boolean): void;
  /**
   * Refuses clients with this HTTP status, until told otherwise; null where the protocol has no such answer.
   */
  readonly refuse: ((status: number | null) => void) | null;
  /** Shortest wait after it has had too many requests; absent where that is a refusal like others. */
  readonly pausedMs?: number;
  close(): Promise<void>;
}
