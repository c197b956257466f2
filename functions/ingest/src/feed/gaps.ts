import type { FeedClock } from '@kandle/market/feed/feed-clock';
import type { FeedGap, GapReason } from '@kandle/market/feed/feed-gap';
import {
  type EventSpan,
  eventTimeAtReturn,
  type LastSeen,
  type Moment,
  type Outage,
  outageSpan,
} from '@kandle/market/feed/outage';
import { windowStartOf } from '@kandle/market/window/window';
import type { IngestShard } from '../ingest-shard.ts';
import type { ShardMap } from '../shard-map.ts';
import type { Moments } from './moments.ts';

/** The gaps of a feed. Each method answers with the number of gaps that it wrote. */
export interface Gaps {
  /**
   * This process stood still: what comes from now on may have been under way for long, until
   * {@link Gaps.onAlive}.
   */
  onStandstill(): void;
  onAlive(): void;
  /** The line was down from a moment of the feed's time until now. */
  noteOutage(reason: GapReason, aliveFeedMs: number): number;
  /**
   * Ingest begins. A shard that it knows was away since the last batch that it sent: only the wall clock can
   * tell for how long. The first window of one that it does not know is partial.
   */
  noteStart(): number;
  /** What the feed sent of this range of event time was not taken. */
  noteRefused(span: EventSpan): number;
  /** A batch in the log cannot be read: nobody knows what was in it. */
  noteUnreadable(shard: string | null, span: EventSpan | null): number;
  /** Trades have come: a gap that did not reach up to a shard's first one after it is told again, longer. */
  onTrades(): number;
}

/** What the gaps are noted in, and how. */
export interface GapOptions {
  readonly symbols: readonly string[];
  readonly disorderMs: number;
  /** In a replay no clock tells what was missed: only its trades do. */
  readonly isReplay: boolean;
}

/** A gap whose end only the clocks have told so far. */
interface Unconfirmed {
  /** As it was told last. */
  readonly gap: FeedGap;
  /** Where it ends by the clocks. */
  readonly clockToMs: number;
  readonly back: Moment;
  /** The shard's newest event time then; 0 if it had none. */
  readonly seenMs: number;
}

/** Up to when a shard is known: what a gap begins with. */
type Known = Omit<LastSeen, 'maxEventTimeMs'> & Pick<Outage, 'alive'>;

/** How long after an outage a shard's first trade still tells where the gap ended, by the feed's time. */
const CONFIRM_MS = 15_000;

/** Builds the gaps of a feed's subscribed shards; those that were never seen have none. */
export function createGaps(
  shards: ShardMap,
  moments: Moments,
  { symbols, disorderMs, isReplay }: GapOptions,
): Gaps {
  // A feed that is asked for nothing sends what it has: of any shard.
  const subscribed =
    symbols.length === 0 ? shards.all() : [...new Set(symbols.map((symbol) => shards.shardOf(symbol)))];
  const unconfirmed = new Map<IngestShard, Unconfirmed>();
  /** The shards' clocks as they were at a standstill, until the line is known to have outlasted it. */
  const before = new Map<IngestShard, FeedClock>();

  function note(shard: IngestShard, span: EventSpan, reason: GapReason): FeedGap {
    const gap = { shard: shard.name, ...span, reason, droppedRecords: 0 };
    shard.buffer.addGap(gap);
    return gap;
  }

  /** Notes a gap of every shard, from when its newest event was reached and the line was alive, until now. */
  function noteAway(reason: GapReason, knownOf: (clock: FeedClock, shard: IngestShard) => Known): number {
    const back = moments.now();
    let gaps = 0;
    for (const shard of subscribed) {
      const clock = before.get(shard) ?? shard.clock;
      if (shard.clock === null || clock === null) continue;
      const { maxEventTimeMs } = clock;
      const { reached, alive } = knownOf(clock, shard);
      const gap = note(shard, outageSpan({ maxEventTimeMs, reached }, { alive, back }, disorderMs), reason);
      unconfirmed.set(shard, { gap, clockToMs: gap.toMs, back, seenMs: shard.clock.maxEventTimeMs });
      gaps += 1;
    }
    return gaps;
  }

  /** How slow the wall clock is, by the newest trade of any shard since the feed came back. */
  function slowMs(): number {
    const ahead = [...unconfirmed].map(([{ clock }, { back, seenMs }]) =>
      hasTradedSince(clock, seenMs) ? eventTimeAtReturn(clock, back) - back.wallMs : 0,
    );
    return isReplay ? 0 : Math.max(0, ...ahead);
  }

  return {
    onStandstill() {
      for (const shard of subscribed) {
        if (shard.clock !== null && !before.has(shard)) before.set(shard, shard.clock);
      }
    },
    onAlive: () => before.clear(),
    noteOutage(reason, aliveFeedMs) {
      const alive = moments.at(aliveFeedMs);
      return noteAway(reason, ({ reachedAtMs }) => ({ reached: moments.at(reachedAtMs), alive }));
    },
    noteStart() {
      if (isReplay) return 0;
      const back = moments.now();
      const { wallMs } = back;
      let gaps = noteAway('restarted', (_, { lastIngestMs }) => {
        // As if the feed's time had not passed meanwhile: what has, only the wall clock knows.
        const then = { feedMs: back.feedMs, wallMs: lastIngestMs };
        return { reached: then, alive: then };
      });
      for (const shard of subscribed) {
        if (shard.clock !== null) continue;
        const gap = note(shard, { fromMs: windowStartOf(wallMs), toMs: wallMs }, 'started');
        unconfirmed.set(shard, { gap, clockToMs: gap.toMs, back, seenMs: 0 });
        gaps += 1;
      }
      return gaps;
    },
    noteRefused(span) {
      for (const shard of subscribed) note(shard, span, 'frame_refused');
      return subscribed.length;
    },
    noteUnreadable(name, span) {
      const shard = name === null ? undefined : shards.named(name);
      if (shard === undefined || span === null) return 0;
      note(shard, span, 'unreadable');
      return 1;
    },
    onTrades() {
      if (unconfirmed.size === 0) return 0;
      const nowMs = moments.now().feedMs;
      const slow = slowMs();
      let gaps = 0;
      for (const [shard, { gap, clockToMs, back, seenMs }] of unconfirmed) {
        const { clock } = shard;
        const hasTraded = hasTradedSince(clock, seenMs);
        const tradedMs = hasTraded ? eventTimeAtReturn(clock, back) : 0;
        const toMs = Math.max(clockToMs + slow, tradedMs);
        const isFast = hasTraded && gap.reason === 'started' && tradedMs < gap.fromMs;
        if (isFast || toMs > gap.toMs + disorderMs) {
          const span = isFast
            ? { fromMs: windowStartOf(tradedMs), toMs: tradedMs }
            : { fromMs: gap.fromMs, toMs };
          unconfirmed.set(shard, { gap: note(shard, span, gap.reason), clockToMs, back, seenMs });
          gaps += 1;
        }
        if (hasTraded || nowMs - back.feedMs > CONFIRM_MS) unconfirmed.delete(shard);
      }
      return gaps;
    },
  };
}

function hasTradedSince(clock: FeedClock | null, seenMs: number): clock is FeedClock {
  return clock !== null && clock.maxEventTimeMs !== seenMs;
}
