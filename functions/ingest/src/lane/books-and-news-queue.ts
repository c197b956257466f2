import { partsOf } from '@kandle/market/event/parts';
import type { MarketEvent } from '@kandle/market/event/market-event';
import type { Reject, RejectReason } from '@kandle/market/event/rejects';
import { type DataKind, formatRawBooksOrNews } from '@kandle/market/feed/books-and-news';
import { readFeedRecord } from '@kandle/market/feed/feed-record';
import type { RawRecord } from '@kandle/market/feed/raw-batch';
import type { ShardMap } from '../shard-map.ts';
import type { Departure, Group, LaneSource } from './lane.ts';

/** What became of a book or a news item. */
export type BookOrNewsVerdict =
  | { readonly kind: 'waiting' }
  /** A book took the place of an older one of its symbol that had not left yet. */
  | { readonly kind: 'coalesced' }
  /** The oldest waiting news was given up for this one. */
  | { readonly kind: 'overflow' }
  | ({ readonly kind: 'reject' } & Omit<Reject, 'id'>);

/**
 * Books and news that wait to be sent, apart from trades: they have numbers of their own and never hold one up.
 */
export interface BooksAndNewsQueue extends LaneSource<Group> {
  /** Judges only what the way needs: an object with a symbol. The rest is transform's. */
  offer(kind: DataKind, entry: unknown, monotonicMs: number): BookOrNewsVerdict;
  /** Number of records that wait and are in no event yet. */
  size(): number;
}

/** Most news that waits; books are bounded by the number of symbols. A record has at most 16 KiB. */
const MAX_NEWS = 1_000;
/** Most records of an event, which stays below Kafka's 1 MiB at their longest. */
const MAX_PER_EVENT: Readonly<Record<DataKind, number>> = { books: 60, news: 40 };

/**
 * An empty queue over a feed's shards. Its groups are of one event each.
 *
 * @param gatherMs How long the first that waits lets others gather: the shortest time between two batches.
 */
export function createBooksAndNewsQueue(shards: ShardMap, gatherMs: number): BooksAndNewsQueue {
  const books = new Map<string, RawRecord>();
  let news: { readonly symbol: string; readonly record: RawRecord }[] = [];
  const sequences = new Map<string, number>();
  /** Events of records that have gathered, and leave one by one. */
  let outgoing: readonly MarketEvent[] = [];
  let firstAtMs = 0;

  const size = (): number => books.size + news.length;

  function readyAtMs(): number | undefined {
    if (outgoing.length > 0) return Number.NEGATIVE_INFINITY;
    return size() === 0 ? undefined : firstAtMs + gatherMs;
  }

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
    return formatRawBooksOrNews(kind, { ...header, format: shards.format.name, records });
  }

  /** Everything that waits, as events in the order in which they leave. */
  function formatAll(departure: Departure): readonly MarketEvent[] {
    const waiting = [
      ...Array.from(books, ([symbol, record]) => ({ kind: 'books' as const, symbol, record })),
      ...news.map((item) => ({ kind: 'news' as const, ...item })),
    ];
    books.clear();
    news = [];
    const groups = Map.groupBy(waiting, ({ kind, symbol }) => `${kind}:${shards.shardOf(symbol).name}`);
    return [...groups.values()].flatMap((group) => {
      const [first] = group;
      if (first === undefined) return [];
      const { name } = shards.shardOf(first.symbol);
      const most = MAX_PER_EVENT[first.kind];
      return partsOf(group, most).map((part) => {
        const records = part.map(({ record }) => record);
        return format(first.kind, name, records, departure);
      });
    });
  }

  return {
    offer(kind, entry, monotonicMs) {
      const read = readFeedRecord(entry);
      if (read.kind === 'bad') return reject('bad_frame', read.detail, read.text);
      const { record } = read;
      const { symbol, name } =
        kind === 'news' ? shards.format.seeNews(record) : shards.format.seeBook(record);
      if (symbol === null) return reject('bad_symbol', `${kind} without a symbol`, record);
      const raw = { id: idOf(name), record };
      if (size() === 0) firstAtMs = monotonicMs;
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
    take(departure, everything) {
      const isDue = everything || (readyAtMs() ?? Number.POSITIVE_INFINITY) <= departure.monotonicMs;
      if (outgoing.length === 0 && isDue) outgoing = formatAll(departure);
      const [event] = outgoing;
      outgoing = outgoing.slice(1);
      return event === undefined ? null : { events: [event] };
    },
    readyAtMs,
    size,
  };
}

/** For people who look into the log; transform makes an id of its own. */
function idOf(value: unknown): string {
  return typeof value === 'number' || typeof value === 'string' ? `${value}`.slice(0, 64) || '-' : '-';
}

function reject(reason: RejectReason, detail: string, record: unknown): BookOrNewsVerdict {
  return { kind: 'reject', reason, detail, record };
}
