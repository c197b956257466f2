import { MAX_REJECTED_TEXT, type Reject } from '@kandle/market/event/rejects';
import type { FeedFrame } from '@kandle/market/feed/feed-frame';
import type { Samples } from '@kandle/market/feed/sample/samples';
import type { Subscriptions } from '@kandle/market/feed/subscriptions';
import type { Logger } from '@kandle/runtime/log';
import type { Intake } from '../intake.ts';
import type { BooksAndNewsQueue } from '../lane/books-and-news-queue.ts';
import type { BufferBound } from '../lane/buffer-bound.ts';
import type { Lane } from '../lane/lane.ts';
import type { RejectQueue } from '../lane/reject-queue.ts';
import type { Away } from '../ingest-status.ts';
import type { Metrics } from '../metrics.ts';
import type { ShardMap } from '../shard-map.ts';
import { takeBooksOrNews } from './book-and-news-entries.ts';
import type { FeedHandlers } from './feed.ts';
import type { FeedTime } from './feed-time.ts';
import type { Gaps } from './gaps.ts';
import type { PriceOnlySymbols } from './price-only.ts';
import { createRepeatedFrames } from './repeated-frames.ts';
import { createTradeEntries } from './trade-entries.ts';
import { createVendorErrors } from './vendor-errors.ts';

/** Where the feed stands. */
export interface FeedState {
  connection: number;
  isConnected: boolean;
  hasEnded: boolean;
  /** The feed's time when the line was last proven alive. */
  aliveMs: number;
  /** The feed's time when data came last, or the line opened. */
  dataMs: number;
  /** Null while there is a connection, and before the first was tried. */
  away: Away | null;
}

/** What the feed's events act on. */
export interface FeedEventDeps {
  readonly isReplay: boolean;
  readonly subscriptions: Subscriptions;
  readonly state: FeedState;
  /** This feed repeats whole frames back to back, and the copies are no trades. */
  readonly dropsRepeats: boolean;
  readonly priceOnly: PriceOnlySymbols;
  /** Of a feed that samples; null if it tells trades. */
  readonly samples: Samples | null;
  readonly metrics: Metrics;
  readonly feedTime: FeedTime;
  readonly shards: Pick<ShardMap, 'memorySize'>;
  readonly gaps: Gaps;
  readonly intake: Intake;
  readonly bound: BufferBound;
  readonly rejects: RejectQueue;
  readonly booksAndNews: BooksAndNewsQueue;
  /** Monotonic and wall clock, milliseconds. */
  readonly monotonicMs: () => number;
  readonly wallMs: () => number;
  /** The ways to the topics: something may be ready to be sent. */
  readonly lanes: Readonly<Record<'trades' | 'rejects' | 'booksAndNews', Pick<Lane, 'wake'>>>;
  readonly log: Logger;
}

/** What happens on the events of a feed, and of the process that takes it in. */
export interface FeedEvents extends FeedHandlers {
  /** A moment has passed. */
  onTick(): void;
  /** Ingest ends: nothing more is taken. */
  onStop(): void;
}

/** What happens on each event of the feed: records are taken in, losses of the line become gaps. */
export function createFeedEvents(deps: FeedEventDeps): FeedEvents {
  const { isReplay, state, metrics, feedTime, shards, gaps, intake, bound, lanes, log } = deps;
  const vendorErrors = createVendorErrors(deps.subscriptions, deps);
  const repeatedFrames = createRepeatedFrames();
  const trades = createTradeEntries({ ...deps, vendorErrors, refuse });

  function refuse(reject: Omit<Reject, 'id'>): void {
    metrics.rejected += 1;
    if (!deps.rejects.add(reject, deps.monotonicMs())) metrics.rejectsLost += 1;
    lanes.rejects.wake();
  }

  function takeData(frame: Extract<FeedFrame, { entries: unknown }>): void {
    const { kind, entries } = frame;
    state.dataMs = feedTime.nowMs();
    const monotonicMs = deps.monotonicMs();
    if (kind === 'trade') {
      const clockMs = isReplay ? feedTime.recordedMs() : deps.wallMs();
      trades.take(entries, { connection: state.connection, monotonicMs, feedMs: feedTime.nowMs(), clockMs });
      metrics.gaps += gaps.onTrades();
      bound.enforce();
      lanes.trades.wake();
    } else {
      const into = { monotonicMs, queue: deps.booksAndNews, refuse, metrics };
      takeBooksOrNews(kind === 'book' ? 'books' : 'news', entries, into);
      lanes.booksAndNews.wake();
    }
  }

  function refuseFrame(reason: Reject['reason'], detail: string, text: string): void {
    refuse({ reason, detail, record: text.slice(0, MAX_REJECTED_TEXT) });
  }

  return {
    onConnected(connection, lost) {
      state.connection = connection;
      state.isConnected = true;
      state.away = null;
      repeatedFrames.begin();
      vendorErrors.begin();
      deps.samples?.begin();
      if (lost === null) metrics.gaps += gaps.noteStart();
      else if (lost !== 'kept')
        metrics.gaps += gaps.noteOutage(lost, lost === 'mute' ? state.dataMs : state.aliveMs);
      if (!bound.isHeld()) feedTime.go();
      state.aliveMs = state.dataMs = feedTime.nowMs();
      gaps.onAlive();
      lanes.trades.wake();
    },
    onTick() {
      if (state.hasEnded) return;
      vendorErrors.onTick();
      trades.note(intake.advance(state.aliveMs, deps.monotonicMs()));
      metrics.gaps += gaps.onTrades();
      metrics.remembered = shards.memorySize();
      lanes.trades.wake();
    },
    onStop: () => trades.note(intake.stop()),
    onDisconnected() {
      state.isConnected = false;
      feedTime.stop();
    },
    onWaiting(reason, waitMs, refused) {
      state.away = { reason, untilMs: deps.wallMs() + waitMs, refused };
    },
    onAlive() {
      state.aliveMs = feedTime.nowMs();
      gaps.onAlive();
    },
    onStandstill: () => gaps.onStandstill(),
    onFrame(frame, text) {
      metrics.frames += 1;
      switch (frame.kind) {
        case 'trade':
        case 'news':
        case 'book': {
          const isRepeat = repeatedFrames.isRepeat(text);
          if (isRepeat) metrics.repeatedFrames += 1;
          if (!isRepeat || !deps.dropsRepeats) takeData(frame);
          break;
        }
        case 'ping':
          metrics.pings += 1;
          feedTime.pass(frame.passedMs);
          if (frame.recvMs !== null) feedTime.tell(frame.recvMs);
          break;
        case 'error':
          metrics.feedErrors += 1;
          vendorErrors.onError(frame.message);
          break;
        case 'subscribed':
          metrics.pings += 1;
          vendorErrors.onRefused(frame.refused);
          break;
        case 'refused':
          metrics.refusedFrames += 1;
          log.error(`Cannot take a ${frame.detail}: its trades are missing`);
          if (frame.span !== null) metrics.gaps += gaps.noteRefused(frame.span);
          refuseFrame('bad_frame', frame.detail, text);
          lanes.trades.wake();
          break;
        case 'unknown':
          refuseFrame('unknown_frame_type', `type ${frame.type}`, text);
          break;
        case 'bad':
          refuseFrame('bad_frame', frame.detail, text);
          break;
      }
    },
    onEnd() {
      state.hasEnded = true;
      trades.note(intake.end(deps.monotonicMs()));
      log.info({ records: metrics.records, accepted: metrics.accepted }, 'the recording has ended');
      lanes.trades.wake();
    },
  };
}
