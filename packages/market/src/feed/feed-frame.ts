/** What a frame of a feed turned out to be, whoever the vendor is. The entries are not judged. */
export type FeedFrame =
  | { readonly kind: 'trade'; readonly entries: readonly unknown[] }
  | { readonly kind: 'news'; readonly entries: readonly unknown[] }
  | { readonly kind: 'book'; readonly entries: readonly unknown[] }
  /**
   * Only our replay server tells `passedMs`, how much recorded time has passed, at unlimited speed, and `recvMs`, what the
   * recorder's clock said; null where nothing is told.
   */
  | { readonly kind: 'ping'; readonly passedMs: number; readonly recvMs: number | null }
  | { readonly kind: 'error'; readonly message: string }
  | { readonly kind: 'unknown'; readonly type: string }
  | { readonly kind: 'bad'; readonly detail: string };
