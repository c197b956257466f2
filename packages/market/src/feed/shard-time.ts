import { type FeedClock, type FeedClockOptions, observeTrade } from './feed-clock.ts';

/**
 * How event times are judged. Durations in milliseconds. The rules:
 * `docs/decisions/2026-11-28-event-time-and-clocks.md`.
 */
export interface ShardTimeOptions {
  readonly clock: FeedClockOptions;
  /** How far ahead of a witness an event time may be to be taken at once. */
  readonly aheadMs: number;
  /** How far behind the watermark a trade still counts. */
  readonly horizonMs: number;
  readonly isReplay: boolean;
}

/** What a shard's time is kept in. */
export interface TimedShard {
  /** Null before the shard's first believed record. */
  clock: FeedClock | null;
  /** Of symbols that are delayed, by how much. */
  readonly delaysMs: Map<string, number>;
}

/** A record that came, as far as its time is concerned. */
export interface Arrived<Item> {
  readonly item: Item;
  readonly symbol: string;
  readonly eventTimeMs: number;
  /** The feed's own time. */
  readonly feedMs: number;
  /** The wall clock, or the recording's; null if there is none. */
  readonly clockMs: number | null;
}

/** What became of a record's time. */
export type TimeVerdict<Item> =
  /** It goes into a batch, in this order. `watermarkMs` is the shard's right after it. */
  | {
      readonly kind: 'taken';
      readonly arrived: Arrived<Item>;
      readonly delayMs: number;
      readonly watermarkMs: number;
    }
  | { readonly kind: 'refused'; readonly arrived: Arrived<Item> }
  /** A symbol was recognised as delayed. */
  | { readonly kind: 'delayed'; readonly symbol: string; readonly delayMs: number };

/** The event times of one shard against its witnesses. Reads no clock. */
export interface ShardTime<Item> {
  /** Judges a record. The verdict on it, and on others that waited, may come now or later. */
  offer(arrived: Arrived<Item>): readonly TimeVerdict<Item>[];
  /** Feed time has passed. */
  pass(feedMs: number): readonly TimeVerdict<Item>[];
  /** Nothing more comes: the recording has ended, or ingest ends. */
  end(by: 'recording' | 'stop'): readonly TimeVerdict<Item>[];
  /** Number of records that wait. */
  waiting(): number;
}

/** Where the other shards of a feed have their time. */
export interface FeedWideTime {
  note(eventTimeMs: number, feedMs: number): void;
  /** True if it is within so much of where the most advanced shard is now. */
  isNear(eventTimeMs: number, feedMs: number, withinMs: number): boolean;
}

/** How long after its time a record that is near the clock may come: a slow vendor, a slow line. */
const LATENCY_MS = 60_000;
/**
 * How long a record that is ahead waits while its shard goes on without it, near the clock; others, for the
 * horizon. Of a silence between two records no more than this counts: while nobody goes on, nobody is left
 * behind.
 */
const WAIT_MS = 60_000;
/** How long a symbol must go on with the same offset to be believed against what was known. */
const CONFIRM_MS = 2_000;
/** Number of ascending records of a symbol that confirm where no time passes; against a clock's word, more. */
const CONFIRM_RECORDS = 3;
const CONFIRM_RECORDS_AGAINST = 10;
/** Most records of a shard that wait, and most symbols of which the newest record is known. */
const MAX_WAITING = 20_000;
const MAX_SYMBOLS = 100_000;

/** No shard of the feed has a time yet. */
export function createFeedWideTime(): FeedWideTime {
  let newest: { readonly eventTimeMs: number; readonly feedMs: number } | null = null;
  const nowMs = (feedMs: number): number =>
    newest === null ? Number.NaN : newest.eventTimeMs + Math.max(0, feedMs - newest.feedMs);
  return {
    note(eventTimeMs, feedMs) {
      if (newest !== null && eventTimeMs < nowMs(feedMs) && feedMs - newest.feedMs <= WAIT_MS) return;
      newest = { eventTimeMs, feedMs };
    },
    isNear: (eventTimeMs, feedMs, withinMs) => Math.abs(eventTimeMs - nowMs(feedMs)) <= withinMs,
  };
}

interface Waiting<Item> {
  readonly arrived: Arrived<Item>;
  /** Its place in the order of arrival. */
  readonly place: number;
  readonly side: 'ahead' | 'behind';
  /** How far it was behind the watermark when it came. */
  readonly behindMs: number;
  /** How long its shard had gone on when it first did so without it. */
  leftAtMs: number | null;
}

/** Builds the time of one shard, which it moves. */
export function createShardTime<Item>(
  shard: TimedShard,
  options: ShardTimeOptions,
  feed: FeedWideTime,
): ShardTime<Item> {
  const { aheadMs, horizonMs, isReplay } = options;
  let waiting: Waiting<Item>[] = [];
  let verdicts: TimeVerdict<Item>[] = [];
  /** Records that came so far. */
  let place = 0;
  /** Places of the newest record that was taken, of any symbol and by symbol, and that was near the clock. */
  let takenAt = 0;
  /** Feed time of the newest record that was taken. */
  let takenAtMs = 0;
  /** How long the shard has gone on, in feed time, silences left out. */
  let goneOnMs = 0;
  let vouchedAt = 0;
  const takenAtBySymbol = new Map<string, number>();
  /** True while the shard's time has the clock's word. */
  let isTrusted = false;

  /** Where the shard's time is now, as far as the feed knows. */
  function feedNow({ watermarkMs, maxEventTimeMs, reachedAtMs }: FeedClock, feedMs: number): number {
    return Math.max(watermarkMs, maxEventTimeMs + Math.max(0, feedMs - reachedAtMs));
  }

  function sideOf({ eventTimeMs, symbol, feedMs, clockMs }: Arrived<Item>): 'in_time' | 'ahead' | 'behind' {
    if (clockMs !== null && eventTimeMs <= clockMs + aheadMs && eventTimeMs >= clockMs - LATENCY_MS) {
      isTrusted = true;
      vouchedAt = place;
      return 'in_time';
    }
    const { clock } = shard;
    const isNear = feed.isNear(eventTimeMs, feedMs, aheadMs);
    if (clock === null) return clockMs === null || eventTimeMs <= clockMs || isNear ? 'in_time' : 'ahead';
    const delayMs = shard.delaysMs.get(symbol) ?? 0;
    if (eventTimeMs < clock.watermarkMs - horizonMs - delayMs) return 'behind';
    const nowMs = feedNow(clock, feedMs);
    // Beyond the feed's own time the clock has a say, once it was right.
    const isAllowed = !isTrusted || clockMs === null || eventTimeMs <= Math.max(nowMs, clockMs + aheadMs);
    return (eventTimeMs <= nowMs + aheadMs && isAllowed) || (isNear && !isTrusted) ? 'in_time' : 'ahead';
  }

  function take(
    arrived: Arrived<Item>,
    at: number,
    known: { readonly feedMs?: number; readonly delayMs?: number } = {},
  ): void {
    const { symbol, eventTimeMs } = arrived;
    const { feedMs = arrived.feedMs } = known;
    const clock = observeTrade(shard.clock, eventTimeMs, feedMs, options.clock);
    shard.clock = clock;
    takenAt = Math.max(takenAt, at);
    if (feedMs > takenAtMs) {
      goneOnMs += Math.min(feedMs - takenAtMs, WAIT_MS);
      takenAtMs = feedMs;
    }
    if (takenAtBySymbol.size >= MAX_SYMBOLS) takenAtBySymbol.clear();
    takenAtBySymbol.set(symbol, Math.max(takenAtBySymbol.get(symbol) ?? 0, at));
    feed.note(eventTimeMs, feedMs);
    const delayMs = shard.delaysMs.get(symbol) ?? 0;
    if (delayMs > 0) adjustDelay(symbol, delayMs, clock.watermarkMs - eventTimeMs);
    const { watermarkMs } = clock;
    verdicts.push({ kind: 'taken', arrived, delayMs: known.delayMs ?? delayMs, watermarkMs });
  }

  /** A symbol that comes nearer is less delayed, and at last not at all. */
  function adjustDelay(symbol: string, delayMs: number, behindMs: number): void {
    if (behindMs <= horizonMs / 2) shard.delaysMs.delete(symbol);
    else if (behindMs < delayMs - horizonMs / 2) shard.delaysMs.set(symbol, behindMs);
  }

  /** Takes those of what waits that a rule names, in the order in which they came. */
  function release(isTaken: (one: Waiting<Item>) => boolean): void {
    const [taken, left] = [waiting.filter(isTaken), waiting.filter((one) => !isTaken(one))];
    waiting = left;
    for (const one of taken) take(one.arrived, one.place);
  }

  /** True if nothing of the symbol was taken since it began to wait. */
  const isUndenied = ({ arrived, place: at }: Waiting<Item>): boolean =>
    (takenAtBySymbol.get(arrived.symbol) ?? 0) < at;

  function agree(a: Arrived<Item>, b: Arrived<Item>): boolean {
    return Math.abs(b.eventTimeMs - a.eventTimeMs - (b.feedMs - a.feedMs)) <= aheadMs;
  }

  /** True if what came last has a witness among those that wait on the same side. */
  function isConfirmed(last: Waiting<Item>): boolean {
    const isClockSilent = (one: Waiting<Item>): boolean =>
      last.side === 'behind' || !isTrusted || vouchedAt < one.place;
    for (const one of waiting) {
      if (one === last || one.side !== last.side || !isUndenied(one) || !isClockSilent(one)) continue;
      const isSame = one.arrived.symbol === last.arrived.symbol;
      if (last.side === 'behind' && !isSame) continue;
      if (!agree(one.arrived, last.arrived)) continue;
      const isLasting = last.arrived.feedMs - one.arrived.feedMs >= CONFIRM_MS;
      if (isLasting || (!isSame && !isTrusted)) return true;
    }
    return isReplay && isAscending(last);
  }

  /** True if the symbol's last records that wait ascend over some seconds of event time. */
  function isAscending(last: Waiting<Item>): boolean {
    const needed = isTrusted ? CONFIRM_RECORDS_AGAINST : CONFIRM_RECORDS;
    let count = 0;
    let firstMs = Number.POSITIVE_INFINITY;
    for (let index = waiting.length - 1; index >= 0; index--) {
      const one = waiting[index];
      if (one?.side !== last.side || one.arrived.symbol !== last.arrived.symbol) continue;
      const { eventTimeMs, clockMs } = one.arrived;
      // A clock that has passed on in between is one that goes.
      if (!isUndenied(one) || (isTrusted && clockMs !== last.arrived.clockMs)) break;
      if (eventTimeMs > firstMs + options.clock.disorderMs) break;
      firstMs = Math.min(firstMs, eventTimeMs);
      count += 1;
      if (count >= needed && last.arrived.eventTimeMs - firstMs >= CONFIRM_MS) return true;
    }
    return false;
  }

  function confirm({ arrived: last, side }: Waiting<Item>): void {
    if (side === 'behind') {
      const watermarkMs = shard.clock?.watermarkMs ?? 0;
      const isOfSymbol = (one: Waiting<Item>): boolean =>
        one.side === 'behind' && one.arrived.symbol === last.symbol;
      // By what came last: what waits may hold older records that were delivered again.
      const delayMs = watermarkMs - last.eventTimeMs;
      shard.delaysMs.set(last.symbol, delayMs);
      verdicts.push({ kind: 'delayed', symbol: last.symbol, delayMs });
      const released = waiting.filter(isOfSymbol);
      waiting = waiting.filter((one) => !isOfSymbol(one));
      for (const { arrived, place: at, behindMs } of released) {
        // Judged by when it came: while it waited the watermark may have gone on.
        const isInTime = behindMs <= delayMs + horizonMs;
        take(arrived, at, { delayMs: isInTime ? watermarkMs - arrived.eventTimeMs : delayMs });
      }
      return;
    }
    // The clock was outvoted.
    if (last.clockMs !== null) isTrusted = false;
    release(({ arrived, side: of }) => {
      const offsetMs = arrived.eventTimeMs - last.eventTimeMs - (arrived.feedMs - last.feedMs);
      return of === 'ahead' && (offsetMs <= aheadMs || arrived.eventTimeMs <= last.eventTimeMs);
    });
  }

  /**
   * A record in time of a symbol of which others wait: they were of the same time, and the watermark stood
   * still.
   */
  function confirmDelay(arrived: Arrived<Item>): void {
    if (!waiting.some(({ side, arrived: { symbol } }) => side === 'behind' && symbol === arrived.symbol))
      return;
    const last: Waiting<Item> = { arrived, place, side: 'behind', behindMs: 0, leftAtMs: null };
    if (isConfirmed(last)) confirm(last);
  }

  /** True if the shard has gone on for some time since, and at another time. */
  function isLeft(one: Waiting<Item>): boolean {
    if (takenAt > one.place) one.leftAtMs ??= goneOnMs;
    const isVouched = one.side === 'ahead' && vouchedAt > one.place;
    return one.leftAtMs !== null && goneOnMs - one.leftAtMs >= (isVouched ? WAIT_MS : horizonMs);
  }

  /** True if the shard has gone on at another time since, by a witness that counts. */
  function isRefuted({ place: at }: Waiting<Item>): boolean {
    return vouchedAt > at || (!isReplay && takenAt > at);
  }

  function refuse(one: Waiting<Item>): void {
    if (one.side === 'behind') take(one.arrived, one.place);
    else verdicts.push({ kind: 'refused', arrived: one.arrived });
  }

  /** Looks at what waits again: the shard's time has moved on, or it has waited for long enough. */
  function review(feedMs: number): void {
    const before = waiting;
    waiting = [];
    for (const one of before) {
      const { arrived, side } = one;
      const { clock } = shard;
      if (side === 'behind') {
        if (isLeft(one) || !isUndenied(one)) refuse(one);
        else waiting.push(one);
      } else if (clock !== null && arrived.eventTimeMs <= feedNow(clock, feedMs)) {
        take(arrived, one.place, { feedMs });
      } else if (isRefuted(one) && isLeft(one)) refuse(one);
      else waiting.push(one);
    }
  }

  function makeRoom(last: Waiting<Item>): void {
    const [oldest] = waiting;
    if (waiting.length <= MAX_WAITING || oldest === undefined) return;
    if (isReplay && oldest.side === 'ahead' && !isRefuted(oldest)) confirm(last);
    if (waiting.length <= MAX_WAITING) return;
    waiting = waiting.filter((one) => one !== oldest);
    refuse(oldest);
  }

  function told(): readonly TimeVerdict<Item>[] {
    const now = verdicts;
    if (now.length > 0) verdicts = [];
    return now;
  }

  return {
    offer(arrived) {
      place += 1;
      const side = sideOf(arrived);
      if (side === 'in_time') {
        const before = shard.clock?.maxEventTimeMs ?? 0;
        confirmDelay(arrived);
        take(arrived, place);
        if (waiting.length > 0 && arrived.eventTimeMs > before + aheadMs) review(arrived.feedMs);
      } else {
        const behindMs = (shard.clock?.watermarkMs ?? 0) - arrived.eventTimeMs;
        const last: Waiting<Item> = { arrived, place, side, behindMs, leftAtMs: null };
        waiting.push(last);
        if (isConfirmed(last)) confirm(last);
        else makeRoom(last);
      }
      return told();
    },
    pass(feedMs) {
      if (waiting.length > 0) review(feedMs);
      return told();
    },
    end(by) {
      const before = waiting;
      waiting = [];
      for (const one of before) {
        const { clock } = shard;
        // Nothing comes after it: within the horizon it can make nobody too late.
        const isHarmless = clock !== null && one.arrived.eventTimeMs <= clock.maxEventTimeMs + horizonMs;
        const isNear =
          clock !== null && one.arrived.eventTimeMs <= feedNow(clock, one.arrived.feedMs) + aheadMs;
        if (isNear || (by === 'recording' && (isHarmless || !isRefuted(one)))) take(one.arrived, one.place);
        else refuse(one);
      }
      return told();
    },
    waiting: () => waiting.length,
  };
}
