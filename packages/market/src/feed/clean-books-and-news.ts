import type { JudgedItems } from './judged.ts';
import { type DataKind, booksOrNewsBatchId } from './books-and-news.ts';
import type { BookBatch } from '../book/book.ts';
import type { NewsBatch } from '../news/news.ts';
import { recordFormat } from './formats.ts';
import type { RawBatch } from './raw-batch.ts';
import type { Reject } from '../event/rejects.ts';

/** What a raw batch of books or news becomes: a batch of what is clean, and what is refused. */
export interface CleanedKind<T> {
  readonly batch: T;
  readonly rejects: readonly Reject[];
}

/**
 * How far ahead of its batch's ingest time an event time is believed, milliseconds; ingest's `AHEAD_MS` for
 * trades.
 */
const AHEAD_MS = 900_000;

/** Cleans a raw batch of order books; a pure function of it, like that of trades. */
export function cleanBooks({ records, format, ...header }: RawBatch): CleanedKind<BookBatch> {
  const { judgeBook } = recordFormat(format);
  const { items, rejects } = judgeAll('books', { records, ...header }, judgeBook);
  return { batch: { ...header, books: items }, rejects };
}

/** Cleans a raw batch of news; a pure function of it. */
export function cleanNews({ records, format, ...header }: RawBatch): CleanedKind<NewsBatch> {
  const { judgeNews } = recordFormat(format);
  const { items, rejects } = judgeAll('news', { records, ...header }, judgeNews);
  return { batch: { ...header, news: items }, rejects };
}

function judgeAll<T extends { readonly eventTimeMs: number }>(
  kind: DataKind,
  { records, ...header }: RawBatch,
  judge: (record: Readonly<Record<string, unknown>>) => JudgedItems<T>,
): { readonly items: readonly T[]; readonly rejects: readonly Reject[] } {
  const items: T[] = [];
  const rejects: Reject[] = [];
  const latestMs = header.ingestTimeMs + AHEAD_MS;
  for (const [index, { record }] of records.entries()) {
    const judged = judge(record);
    const id = `${booksOrNewsBatchId(kind, header)}:${index}`;
    if (judged.kind === 'reject') {
      rejects.push({ id, reason: judged.reason, detail: judged.detail, record });
    } else if (judged.items.some(({ eventTimeMs }) => eventTimeMs > latestMs)) {
      rejects.push({
        id,
        reason: 'too_far_ahead',
        detail: `more than ${AHEAD_MS} ms ahead of ingest`,
        record,
      });
    } else items.push(...judged.items);
  }
  return { items, rejects };
}
