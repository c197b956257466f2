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
/** Records stand in the log in the order in which they came, and their times a little out of order. */
const DISORDER_MS = 60_000;
/** Most forgotten minutes that are known one by one: two weeks. Of what is older all counts as forgotten. */
const MAX_FORGOTTEN = 20_160;
/** Most symbols of which it is known what came: more than any plan has, few enough to hold. */
const MAX_SYMBOLS = 100_000;
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
  /**
   * Takes an id read back from the log as known. Ids of another form are ignored.
   *
   * @param symbol Of the trade; without it, what is known of the symbol stays as it is.
   */
  remember(id: string, seenAtMs?: number, symbol?: string | null): void;
  /**
   * True if a trade may have been seen and forgotten: its symbol has come with a later time, and what came of
   * it at this time is remembered no more, or came before what was read back. Asked before the trade is
   * {@link TradeMemory.identify | identified}.
   */
  mayHaveForgotten(symbol: string, eventTimeMs: number): boolean;
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
  let forgotten = new Set<number>();
  let forgottenBelow = Number.NEGATIVE_INFINITY;
  /** From and up to which event time a symbol has come, as far as this memory has seen or read it. */
  const known = new Map<string, { readonly fromMs: number; toMs: number }>();

  function noteCame(symbol: string, eventTimeMs: number, fromMs: number): void {
    const came = known.get(symbol);
    if (came !== undefined) came.toMs = Math.max(came.toMs, eventTimeMs);
    else {
      if (known.size >= MAX_SYMBOLS) known.clear();
      known.set(symbol, { fromMs, toMs: eventTimeMs });
    }
  }

  function forget(key: number): void {
    buckets.delete(key);
    forgotten.add(key);
    if (forgotten.size <= MAX_FORGOTTEN) return;
    const newest = [...forgotten].toSorted((a, b) => b - a).slice(0, MAX_FORGOTTEN / 2);
    forgottenBelow = newest.at(-1) ?? forgottenBelow;
    forgotten = new Set(newest);
  }

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
      noteCame(tuple.symbol, eventTimeMs, Number.NEGATIVE_INFINITY);
      const table = bucketOf(eventTimeMs, seenAtMs);
      const place = eventTimeMs % BUCKET_MS;
      const occurrence = ownId === null ? table.see(hash, place, connection) : table.seeOnce(hash, place);
      return occurrence === null ? null : formatId(eventTimeMs, hash, occurrence);
    },
    remember(id, seenAtMs = 0, symbol = null) {
      const [, time = '', high = '', low = '', occurrence = ''] = ID.exec(id) ?? [];
      const hash = { high: Number.parseInt(high, 36), low: Number.parseInt(low, 36) };
      const occurrences = Number.parseInt(occurrence, 36);
      // Fourteen digits hold more than 64 bits: what is beyond them is no id of ours.
      if (!(hash.high <= MAX_UINT32 && hash.low <= MAX_UINT32 && occurrences > 0)) return;
      const eventTimeMs = Number.parseInt(time, 36);
      if (symbol !== null) noteCame(symbol, eventTimeMs, eventTimeMs - DISORDER_MS);
      bucketOf(eventTimeMs, seenAtMs).know(hash, eventTimeMs % BUCKET_MS, occurrences);
    },
    mayHaveForgotten(symbol, eventTimeMs) {
      const came = known.get(symbol);
      if (came === undefined || eventTimeMs > came.toMs) return false;
      const key = Math.floor(eventTimeMs / BUCKET_MS);
      return eventTimeMs < came.fromMs || key < forgottenBelow || forgotten.has(key);
    },
    forgetOutside(spans, seenBeforeMs = Number.POSITIVE_INFINITY) {
      for (const [key, { seenAtMs }] of buckets) {
        if (seenAtMs >= seenBeforeMs) continue;
        const isKept = spans.some(([from, to]) => from < (key + 1) * BUCKET_MS && key * BUCKET_MS <= to);
        if (!isKept) forget(key);
      }
    },
    size() {
      let size = 0;
      for (const { table } of buckets.values()) size += table.size();
      return size;
    },
  };
}
