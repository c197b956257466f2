import { MAX_REJECTED_TEXT, type Reject } from '@kandle/market/event/rejects';
import type { DataKind } from '@kandle/market/feed/books-and-news';
import type { Subscriptions } from '@kandle/market/feed/subscriptions';
import type { Logger } from '@kandle/runtime/log';
import type { BufferBound } from '../lane/buffer-bound.ts';
import type { Metrics } from '../metrics.ts';
import type { FeedTime } from './feed-time.ts';
import type { Intake, Verdict } from '../intake.ts';
import type { BooksAndNewsQueue } from '../lane/books-and-news-queue.ts';
import type { Lane } from '../lane/lane.ts';
import type { FeedHandlers } from './feed.ts';
import type { ShardMap } from '../shard-map.ts';
import type { Gaps } from './gaps.ts';
import type { PriceOnlySymbols } from './price-only.ts';
import type { RejectQueue } from '../lane/reject-queue.ts';

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
  readonly isReplay: boolean;
  readonly subscriptions: Subscriptions;
  readonly state: FeedState;
  /** This feed repeats whole frames back to back, and the copies are no trades. */
  readonly dropsRepeats: boolean;
  readonly priceOnly: PriceOnlySymbols;
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

/** How long after a refusal the vendor may still be refusing others. */
const REFUSALS_MS = 1_000;
/** Most refused symbols that the log names; `/status` has all. */
const MAX_NAMED = 20;
/** Most different errors of a connection that are logged. */
const MAX_TOLD = 100;

/** What happens on each event of the feed: records are taken in, losses of the line become gaps. */
export function createFeedEvents(deps: FeedEventDeps): FeedEvents {
  const { isReplay, subscriptions, state, metrics, feedTime, shards, gaps, intake, bound, lanes, log } = deps;
  /** The newest data frame of the connection. */
  let lastText = '';
  const told = new Set<string>();
  let hasRefusals = false;
  let refusedAtMs: number | null = null;

  function refuse(reject: Omit<Reject, 'id'>): void {
    metrics.rejected += 1;
    if (!deps.rejects.add(reject, deps.monotonicMs())) metrics.rejectsLost += 1;
    lanes.rejects.wake();
  }

  function see({ s: symbol, v: size }: Readonly<Record<string, unknown>>): void {
    if (typeof symbol !== 'string') return;
    if (hasRefusals) subscriptions.heard(symbol);
    if (size === 0) metrics.priceUpdates += 1;
    if (deps.priceOnly.see(symbol, size !== 0)) {
      log.warn({ symbol }, `${symbol} comes with a volume of 0 only: prices without trades make no candle`);
    }
  }

  /** Vendors repeat themselves, for each of thousands of symbols: each text is logged once a connection. */
  function takeError(message: string): void {
    if (subscriptions.refuse(message)) {
      hasRefusals = true;
      refusedAtMs = deps.monotonicMs();
    }
    if (told.has(message) || told.size >= MAX_TOLD) return;
    told.add(message);
    log.error(`the feed says: ${message}`);
  }

  /** Names the refused symbols, when the vendor has said nothing more about them for a moment. */
  function nameRefused(): void {
    if (refusedAtMs === null || deps.monotonicMs() - refusedAtMs < REFUSALS_MS) return;
    refusedAtMs = null;
    const symbols = subscriptions.refused().map(({ symbol }) => symbol);
    const more = symbols.length > MAX_NAMED ? ` and ${symbols.length - MAX_NAMED} more` : '';
    log.error(
      `The feed refuses ${symbols.length} symbols: ${symbols.slice(0, MAX_NAMED).join(', ')}${more}. The others go on`,
    );
  }

  /**
   * True if a frame is to be dropped: the very same text came right before it, and the feed is known to do
   * that.
   */
  function isRepeated(text: string): boolean {
    const isSame = text === lastText;
    lastText = text;
    if (isSame) metrics.repeatedFrames += 1;
    return isSame && deps.dropsRepeats;
  }

  function note(verdicts: readonly Verdict[]): void {
    for (const verdict of verdicts) {
      if (verdict.kind === 'reject') refuse(verdict.reject);
      else if (verdict.kind === 'duplicate') metrics.duplicates += 1;
      else if (verdict.kind === 'accepted') {
        metrics.accepted += 1;
        bound.grow(verdict.bytes);
      } else {
        const { shard, symbol, delayMs } = verdict;
        log.warn({ shard, symbol, delayMs }, `${symbol} is delayed: its trades count in its own time`);
      }
    }
    metrics.waiting = intake.waiting();
  }

  function takeTrades(entries: readonly unknown[]): void {
    const arrival = {
      connection: state.connection,
      monotonicMs: deps.monotonicMs(),
      feedMs: feedTime.nowMs(),
      clockMs: isReplay ? feedTime.recordedMs() : deps.wallMs(),
    };
    for (const entry of entries) {
      metrics.records += 1;
      see(Object(entry));
      note(intake.offer(entry, arrival));
    }
    metrics.gaps += gaps.onTrades();
    bound.enforce();
    lanes.trades.wake();
  }

  function takeBooksOrNews(kind: DataKind, entries: readonly unknown[]): void {
    for (const entry of entries) {
      const verdict = deps.booksAndNews.offer(kind, entry, deps.monotonicMs());
      if (verdict.kind === 'reject')
        refuse({ reason: verdict.reason, detail: verdict.detail, record: verdict.record });
      else {
        metrics[kind] += 1;
        if (verdict.kind === 'coalesced') metrics.booksCoalesced += 1;
        else if (verdict.kind === 'overflow') metrics.newsDropped += 1;
      }
    }
    lanes.booksAndNews.wake();
  }

  return {
    onConnected(connection, lost) {
      state.connection = connection;
      state.isConnected = true;
      lastText = '';
      told.clear();
      subscriptions.begin();
      hasRefusals = false;
      metrics.gaps += lost === null ? gaps.noteStart() : gaps.noteOutage(lost, state.aliveMs);
      if (!bound.isHeld()) feedTime.go();
      state.aliveMs = feedTime.nowMs();
      gaps.onAlive();
      lanes.trades.wake();
    },
    onTick() {
      if (state.hasEnded) return;
      nameRefused();
      note(intake.advance(state.aliveMs, deps.monotonicMs()));
      metrics.gaps += gaps.onTrades();
      metrics.remembered = shards.memorySize();
      lanes.trades.wake();
    },
    onStop: () => note(intake.stop()),
    onDisconnected() {
      state.isConnected = false;
      feedTime.stop();
    },
    onAlive() {
      state.aliveMs = feedTime.nowMs();
      gaps.onAlive();
    },
    onStandstill: () => gaps.onStandstill(),
    onFrame(frame, text) {
      metrics.frames += 1;
      if ((frame.kind === 'trade' || frame.kind === 'news' || frame.kind === 'book') && isRepeated(text))
        return;
      if (frame.kind === 'trade') takeTrades(frame.entries);
      else if (frame.kind === 'news') takeBooksOrNews('news', frame.entries);
      else if (frame.kind === 'book') takeBooksOrNews('books', frame.entries);
      else if (frame.kind === 'ping') {
        metrics.pings += 1;
        feedTime.pass(frame.passedMs);
        if (frame.recvMs !== null) feedTime.tell(frame.recvMs);
      } else if (frame.kind === 'error') {
        metrics.feedErrors += 1;
        takeError(frame.message);
      } else if (frame.kind === 'refused') {
        metrics.refusedFrames += 1;
        log.error(`Cannot take a ${frame.detail}: its trades are missing`);
        if (frame.span !== null) metrics.gaps += gaps.noteRefused(frame.span);
        refuse({ reason: 'bad_frame', detail: frame.detail, record: text.slice(0, MAX_REJECTED_TEXT) });
        lanes.trades.wake();
      } else {
        const reason = frame.kind === 'unknown' ? 'unknown_frame_type' : 'bad_frame';
        const detail = frame.kind === 'unknown' ? `type ${frame.type}` : frame.detail;
        refuse({ reason, detail, record: text.slice(0, MAX_REJECTED_TEXT) });
      }
    },
    onEnd() {
      state.hasEnded = true;
      note(intake.end(deps.monotonicMs()));
      log.info({ records: metrics.records, accepted: metrics.accepted }, 'the recording has ended');
      lanes.trades.wake();
    },
  };
}
