import type { EventSpan } from './outage.ts';
import type { RefusedSymbol } from './subscriptions.ts';

/** What a frame of a feed turned out to be, whoever the vendor is. The entries are not judged. */
export type FeedFrame =
  | { readonly kind: 'trade'; readonly entries: readonly unknown[] }
  | { readonly kind: 'news'; readonly entries: readonly unknown[] }
  | { readonly kind: 'book'; readonly entries: readonly unknown[] }
  /**
   * Only our replay server tells `passedMs`, how much recorded time has passed, at unlimited speed, and
   * `recvMs`, what the recorder's clock said; null where nothing is told.
   */
  | { readonly kind: 'ping'; readonly passedMs: number; readonly recvMs: number | null }
  | { readonly kind: 'error'; readonly message: string }
  /** An answer to what was asked for: it comes, but for what is refused. */
  | { readonly kind: 'subscribed'; readonly refused: readonly RefusedSymbol[] }
  | { readonly kind: 'unknown'; readonly type: string }
  /** Too long to be read. `span` is the range of the event times in it, null if there are none. */
  | { readonly kind: 'refused'; readonly detail: string; readonly span: EventSpan | null }
  | { readonly kind: 'bad'; readonly detail: string };
