/** What a frame of a feed turned out to be, whoever the vendor is. The entries are not judged. */
export type FeedFrame =
  | { readonly kind: 'trade'; readonly entries: readonly unknown[] }
  | { readonly kind: 'news'; readonly entries: readonly unknown[] }
  | { readonly kind: 'book'; readonly entries: readonly unknown[] }
  /** `passedMs`: only our replay server tells, at unlimited speed, how much recorded time has passed. */
  | { readonly kind: 'ping'; readonly passedMs: number }
  | { readonly kind: 'error'; readonly message: string }
  | { readonly kind: 'unknown'; readonly type: string }
  | { readonly kind: 'bad'; readonly detail: string };
