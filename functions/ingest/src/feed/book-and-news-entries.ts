import type { Reject } from '@kandle/market/event/rejects';
import type { DataKind } from '@kandle/market/feed/books-and-news';
import type { BooksAndNewsQueue } from '../lane/books-and-news-queue.ts';
import type { Metrics } from '../metrics.ts';

/** What the entries of a feed's book and news frames go into. */
export interface BookAndNewsEntryDeps {
  readonly queue: BooksAndNewsQueue;
  readonly refuse: (reject: Omit<Reject, 'id'>) => void;
  readonly metrics: Metrics;
}

/** Puts entries of a kind into the queue, and counts what became of each. */
export function takeBooksOrNews(
  kind: DataKind,
  entries: readonly unknown[],
  { monotonicMs, queue, refuse, metrics }: BookAndNewsEntryDeps & { readonly monotonicMs: number },
): void {
  for (const entry of entries) {
    const verdict = queue.offer(kind, entry, monotonicMs);
    if (verdict.kind === 'reject') {
      refuse({ reason: verdict.reason, detail: verdict.detail, record: verdict.record });
      continue;
    }
    metrics[kind] += 1;
    if (verdict.kind === 'coalesced') metrics.booksCoalesced += 1;
    else if (verdict.kind === 'overflow') metrics.newsDropped += 1;
  }
}
