import { type DataKind, formatRawBooksOrNews } from '@kandle/market/feed/books-and-news';
import type { MarketEvent } from '@kandle/market/event/market-event';
import { relatedSymbols } from '@kandle/market/feed/finnhub/news';
import type { RawRecord } from '@kandle/market/feed/raw-batch';
import type { RejectReason } from '@kandle/market/event/rejects';
import { isSymbol } from '@kandle/market/event/symbol';
import { readFeedRecord } from '@kandle/market/feed/feed-record';
import type { Departure } from './outbox.ts';
import type { ShardMap } from './shard-map.ts';

/** What became of a record of another kind than a trade. */
export type KindVerdict =
  | { readonly kind: 'waiting' }
  /** A book took the place of an older one of its symbol that had not left yet. */
  | { readonly kind: 'coalesced' }
  /** The oldest waiting news was given up for this one. */
  | { readonly kind: 'overflow' }
  | {
      readonly kind: 'reject';
      readonly reason: RejectReason;
      readonly detail: string;
      readonly record: unknown;
    };

/** Books and news that wait to be sent, apart from trades: they have numbers of their own and never hold one up. */
export interface BooksAndNewsQueue {
  /** Judges only what the way needs: an object with a symbol. The rest is transform's. */
  offer(kind: DataKind, entry: unknown): KindVerdict;
  /** Everything that waits, as events to be sent in this order; if one fails, the same one again. */
  take(departure: Departure): readonly MarketEvent[];
  size(): number;
}

/** Most news that waits; books are bounded by the number of symbols. A record has at most 16 KiB. */
const MAX_NEWS = 1_000;
/** Most records of an event, which stays below Kafka's 1 MiB at their longest. */
const MAX_PER_EVENT: Readonly<Record<DataKind, number>> = { books: 60, news: 40 };

/** An empty queue over a feed's shards. */
export function createBooksAndNewsQueue(shards: ShardMap): BooksAndNewsQueue {
  const books = new Map<string, RawRecord>();
  let news: { readonly symbol: string; readonly record: RawRecord }[] = [];
  const sequences = new Map<string, number>();

  function format(
    kind: DataKind,
    shard: string,
    records: readonly RawRecord[],
    { epoch, wallMs, traceparent }: Departure,
  ): MarketEvent {
    const sequence = (sequences.get(`${kind}:${shard}`) ?? 0) + 1;
    sequences.set(`${kind}:${shard}`, sequence);
    const watermarkMs = shards.named(shard)?.clock?.watermarkMs ?? 0;
    const header = { shard, epoch, sequence, watermarkMs, ingestTimeMs: wallMs, traceparent: traceparent() };
    return formatRawBooksOrNews(kind, { ...header, records });
  }

  return {
    offer(kind, entry) {
      const read = readFeedRecord(entry);
      if (read.kind === 'bad') return reject('bad_frame', read.detail, read.text);
      const { record } = read;
      const symbol = kind === 'news' ? relatedSymbols(record)[0] : record['s'];
      if (!isSymbol(symbol)) return reject('bad_symbol', `${kind} without a symbol`, record);
      const raw = { id: idOf(kind === 'news' ? record['id'] : record['t']), record };
      if (kind === 'books') {
        const verdict = books.delete(symbol) ? 'coalesced' : 'waiting';
        books.set(symbol, raw);
        return { kind: verdict };
      }
      const isFull = news.length >= MAX_NEWS;
      if (isFull) news.shift();
      news.push({ symbol, record: raw });
      return { kind: isFull ? 'overflow' : 'waiting' };
    },
    take(departure) {
      const waiting = [
        ...Array.from(books, ([symbol, record]) => ({ kind: 'books' as const, symbol, record })),
        ...news.map((item) => ({ kind: 'news' as const, ...item })),
      ];
      books.clear();
      news = [];
      const groups = Map.groupBy(waiting, ({ kind, symbol }) => `${kind}:${shards.lineOf(symbol).shard}`);
      return [...groups.values()].flatMap((group) => {
        const [first] = group;
        if (first === undefined) return [];
        const { shard } = shards.lineOf(first.symbol);
        const size = MAX_PER_EVENT[first.kind];
        const parts = Array.from({ length: Math.ceil(group.length / size) }, (_, part) =>
          group.slice(part * size, (part + 1) * size).map(({ record }) => record),
        );
        return parts.map((records) => format(first.kind, shard, records, departure));
      });
    },
    size: () => books.size + news.length,
  };
}

/** For people who look into the log; transform makes an id of its own. */
function idOf(value: unknown): string {
  return typeof value === 'number' || typeof value === 'string' ? `${value}`.slice(0, 64) || '-' : '-';
}

function reject(reason: RejectReason, detail: string, record: unknown): KindVerdict {
  return { kind: 'reject', reason, detail, record };
}
