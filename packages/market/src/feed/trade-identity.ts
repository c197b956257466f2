import { fnv1a64, type Hash64, hashToText } from '../number/hash.ts';
import { createOccurrenceTable, type OccurrenceTable } from './occurrence-table.ts';

/** What a trade is known by: the feed's own values, as they came, or the feed's own id. */
export interface TradeTuple {
  readonly symbol: string;
  readonly eventTimeMs: number;
  readonly price: unknown;
  readonly size: unknown;
  readonly conditions: unknown;
  /** The feed's own id of the trade: it alone is its identity, on every connection. */
  readonly ownId?: string | null;
}

/**
 * The id of the n-th trade with the same tuple on one connection: `<event time>.<hash>.<n>`, in base 36.
 *
 * 17 % of recorded real trades share symbol, price, size and millisecond with another real trade, so the tuple
 * alone is no key.
 */
export function tradeIdOf(tuple: TradeTuple, occurrence: number): string {
  return formatId(tuple.eventTimeMs, hashOf(tuple), occurrence);
}

function hashOf({ symbol, price, size, conditions, ownId = null }: TradeTuple): Hash64 {
  const known = ownId === null ? [symbol, price, size, conditions ?? null] : [symbol, ownId];
  return fnv1a64(JSON.stringify(known));
}

function formatId(eventTimeMs: number, hash: Hash64, occurrence: number): string {
  return `${eventTimeMs.toString(36)}.${hashToText(hash)}.${occurrence.toString(36)}`;
}

const BUCKET_MS = 60_000;
const MAX_UINT32 = 0xffff_ffff;
const ID = /^([0-9a-z]{1,10})\.([0-9a-z]{7})([0-9a-z]{7})\.([0-9a-z]{1,6})$/;

/**
 * Gives trades their id and recognises what a reconnect delivers again.
 *
 * Numbering restarts with each connection: the third equal tuple on a new connection is the third one of the
 * old connection come again, and a twin beyond it is a new trade. Where the feed gives ids there are no twins:
 * a second one is a repeat on the same connection too. Forgets by event time, a minute at a time.
 */
export interface TradeMemory {
  /**
   * The trade's id, or null if it was delivered already. Its time is a whole number above 0.
   *
   * @param seenAtMs When it came, by whatever clock {@link TradeMemory.forgetOutside} is told of.
   */
  identify(tuple: TradeTuple, connection: number, seenAtMs?: number): string | null;
  /** Takes an id read back from the log as known. Ids of another form are ignored. */
  remember(id: string, seenAtMs?: number): void;
  /**
   * Forgets trades of all event times outside of some spans, by whole minutes of event time of which none was
   * seen since a moment: a symbol whose time is not yet understood may lie outside of every span.
   */
  forgetOutside(spans: readonly (readonly [fromMs: number, toMs: number])[], seenBeforeMs?: number): void;
  /** Number of tuples remembered. */
  size(): number;
}

/** An empty memory. Connections are numbered by the caller, from 1. */
export function createTradeMemory(): TradeMemory {
  const buckets = new Map<number, { readonly table: OccurrenceTable; seenAtMs: number }>();

  function bucketOf(eventTimeMs: number, seenAtMs: number): OccurrenceTable {
    const key = Math.floor(eventTimeMs / BUCKET_MS);
    let bucket = buckets.get(key);
    if (bucket === undefined) buckets.set(key, (bucket = { table: createOccurrenceTable(), seenAtMs }));
    bucket.seenAtMs = Math.max(bucket.seenAtMs, seenAtMs);
    return bucket.table;
  }

  return {
    identify(tuple, connection, seenAtMs = 0) {
      const { eventTimeMs, ownId = null } = tuple;
      const hash = hashOf(tuple);
      const table = bucketOf(eventTimeMs, seenAtMs);
      const place = eventTimeMs % BUCKET_MS;
      const occurrence = ownId === null ? table.see(hash, place, connection) : table.seeOnce(hash, place);
      return occurrence === null ? null : formatId(eventTimeMs, hash, occurrence);
    },
    remember(id, seenAtMs = 0) {
      const [, time = '', high = '', low = '', occurrence = ''] = ID.exec(id) ?? [];
      const hash = { high: Number.parseInt(high, 36), low: Number.parseInt(low, 36) };
      const occurrences = Number.parseInt(occurrence, 36);
      // Fourteen digits hold more than 64 bits: what is beyond them is no id of ours.
      if (!(hash.high <= MAX_UINT32 && hash.low <= MAX_UINT32 && occurrences > 0)) return;
      const eventTimeMs = Number.parseInt(time, 36);
      bucketOf(eventTimeMs, seenAtMs).know(hash, eventTimeMs % BUCKET_MS, occurrences);
    },
    forgetOutside(spans, seenBeforeMs = Number.POSITIVE_INFINITY) {
      for (const [key, { seenAtMs }] of buckets) {
        if (seenAtMs >= seenBeforeMs) continue;
        const isKept = spans.some(([from, to]) => from < (key + 1) * BUCKET_MS && key * BUCKET_MS <= to);
        if (!isKept) buckets.delete(key);
      }
    },
    size() {
      let size = 0;
      for (const { table } of buckets.values()) size += table.size();
      return size;
    },
  };
}
