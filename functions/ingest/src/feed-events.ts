import { MAX_REJECTED_TEXT, type RejectReason } from '@kandle/market/event/rejects';
import type { DataKind } from '@kandle/market/feed/books-and-news';
import type { Logger } from '@kandle/runtime/log';
import type { BufferBound } from './buffer-bound.ts';
import type { Counts } from './counts.ts';
import type { FeedTime } from './feed-time.ts';
import type { FeedHandlers } from './finnhub-feed.ts';
import { parseFinnhubFrame } from '@kandle/market/feed/finnhub/frame';
import type { Intake } from './intake.ts';
import type { BooksAndNewsQueue } from './books-and-news-queue.ts';
import { noteOutage } from './outage.ts';
import type { RejectQueue } from './reject-queue.ts';
import type { ShardMap } from './shard-map.ts';

/** Where the feed stands. */
export interface FeedState {
  connection: number;
  isConnected: boolean;
  hasEnded: boolean;
  /** The feed's time when the line was last proven alive. */
  aliveMs: number;
}

/** What the feed's events act on. */
export interface FeedEventDeps {
  readonly symbols: readonly string[];
  readonly disorderMs: number;
  readonly isReplay: boolean;
  readonly state: FeedState;
  readonly counts: Counts;
  readonly feedTime: FeedTime;
  readonly shards: ShardMap;
  readonly intake: Intake;
  readonly bound: BufferBound;
  readonly rejects: RejectQueue;
  readonly kinds: BooksAndNewsQueue;
  /** Monotonic and wall clock, milliseconds. */
  readonly nowMs: () => number;
  readonly wallMs: () => number;
  /** Something may be ready to be sent. */
  readonly wake: () => void;
  readonly wakeRejects: () => void;
  readonly wakeKinds: () => void;
  readonly log: Logger;
}

/** What happens on each event of the feed: records are taken in, losses of the line become gaps. */
export function createFeedEvents(deps: FeedEventDeps): FeedHandlers {
  const { symbols, disorderMs, isReplay, state, counts, feedTime, shards, intake, bound, log } = deps;

  function refuse(reason: RejectReason, detail: string, record: unknown): void {
    counts.rejected += 1;
    if (!deps.rejects.add(reason, detail, record)) counts.rejectsLost += 1;
    deps.wakeRejects();
  }

  function takeTrades(entries: readonly unknown[]): void {
    const arrival = {
      connection: state.connection,
      nowMs: deps.nowMs(),
      feedMs: feedTime.nowMs(),
      wallMs: deps.wallMs(),
    };
    for (const entry of entries) {
      counts.records += 1;
      const verdict = intake.offer(entry, arrival);
      if (verdict.kind === 'reject') refuse(verdict.reason, verdict.detail, verdict.record);
      else if (verdict.kind === 'duplicate') counts.duplicates += 1;
      else {
        counts.accepted += 1;
        bound.grow(verdict.bytes);
      }
    }
    bound.enforce();
    deps.wake();
  }

  function takeKind(kind: DataKind, entries: readonly unknown[]): void {
    for (const entry of entries) {
      const verdict = deps.kinds.offer(kind, entry);
      if (verdict.kind === 'reject') refuse(verdict.reason, verdict.detail, verdict.record);
      else {
        counts[kind] += 1;
        if (verdict.kind === 'coalesced') counts.booksCoalesced += 1;
        else if (verdict.kind === 'overflow') counts.newsDropped += 1;
      }
    }
    deps.wakeKinds();
  }

  return {
    onConnected(connection, lost) {
      state.connection = connection;
      state.isConnected = true;
      const lastIngestMs = Math.max(...shards.lines().map((line) => line.lastIngestMs));
      if (lost !== null) {
        const outage = { reason: lost, aliveMs: state.aliveMs, backMs: feedTime.nowMs() };
        counts.gaps += noteOutage(shards, symbols, outage, disorderMs);
      } else if (!isReplay && lastIngestMs > 0) {
        const outage = { reason: 'restarted' as const, aliveMs: lastIngestMs, backMs: deps.wallMs() };
        counts.gaps += noteOutage(shards, symbols, outage, disorderMs);
      }
      if (!bound.isHeld()) feedTime.go();
      state.aliveMs = feedTime.nowMs();
      deps.wake();
    },
    onDisconnected() {
      state.isConnected = false;
      feedTime.stop();
    },
    onAlive() {
      state.aliveMs = feedTime.nowMs();
    },
    onText(text) {
      counts.frames += 1;
      const frame = parseFinnhubFrame(text);
      if (frame.kind === 'trade') takeTrades(frame.entries);
      else if (frame.kind === 'news') takeKind('news', frame.entries);
      else if (frame.kind === 'book') takeKind('books', frame.entries);
      else if (frame.kind === 'ping') {
        counts.pings += 1;
        feedTime.pass(frame.passedMs);
      } else if (frame.kind === 'error') {
        counts.feedErrors += 1;
        log.error(`the feed says: ${frame.message}`);
      } else {
        const reason = frame.kind === 'unknown' ? 'unknown_frame_type' : 'bad_frame';
        const detail = frame.kind === 'unknown' ? `type ${frame.type}` : frame.detail;
        refuse(reason, detail, text.slice(0, MAX_REJECTED_TEXT));
      }
    },
    onBadFrame(detail) {
      counts.frames += 1;
      refuse('bad_frame', detail, '');
    },
    onEnd() {
      state.hasEnded = true;
      intake.end(deps.nowMs());
      log.info({ records: counts.records, accepted: counts.accepted }, 'the recording has ended');
      deps.wake();
    },
  };
}
