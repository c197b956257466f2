import type { MarketEvent } from '@kandle/market/event/market-event';
import { createSubscriptions } from '@kandle/market/feed/subscriptions';
import { createSamples } from '@kandle/market/feed/sample/samples';
import { createAvroEvents } from '@kandle/runtime/avro/avro-events';
import { createEventProducer } from '@kandle/runtime/event-producer';
import type { Logger } from '@kandle/runtime/log';
import { newTraceparent } from '@kandle/runtime/trace';
import type { IngestConfig } from './config.ts';
import { createFeed } from './feed/create-feed.ts';
import { marketHoursOf } from './feed/line/mend-options.ts';
import { createFeedEvents, type FeedState } from './feed/feed-events.ts';
import { createFeedTime } from './feed/feed-time.ts';
import { createGaps } from './feed/gaps.ts';
import { createMoments } from './feed/moments.ts';
import { createPriceOnlySymbols } from './feed/price-only.ts';
import type { IngestStatus } from './ingest-status.ts';
import { createIntake } from './intake.ts';
import { createBooksAndNewsQueue } from './lane/books-and-news-queue.ts';
import { createBufferBound } from './lane/buffer-bound.ts';
import { createLane, type Group, type LaneOptions } from './lane/lane.ts';
import { createOutbox } from './lane/outbox.ts';
import { createRejectQueue } from './lane/reject-queue.ts';
import { createRenewedProducer } from './lane/renewed-producer.ts';
import { createMetrics } from './metrics.ts';
import type { Kafka } from './read-back/offset-range-consumer.ts';
import { readBack } from './read-back/read-back.ts';
import { recallBatch } from './read-back/recall.ts';
import { bufferOptions, intakeOptions, shardOptions } from './settings.ts';
import { createShardMap } from './shard-map.ts';
import { askedSymbols } from './symbols.ts';

/** A running ingest. */
export interface Ingest {
  /**
   * Reads back, then connects to the feed; resolves when it has begun, or was stopped before.
   *
   * @throws {RangeError} If the log belongs to another number of shards.
   */
  start(): Promise<void>;
  /**
   * Stops the feed, sends what waits, disconnects. @returns False if not everything was acknowledged in time.
   */
  stop(deadlineMs: number): Promise<boolean>;
  status(): IngestStatus;
}

/** How often time moves the watermarks, milliseconds. */
const CLOCK_TICK_MS = 100;
/** Rejects of a moment go together, milliseconds. */
const REJECTS_MS = 200;
/** A process that had no turn for so long may have slept with its machine, milliseconds. */
const STANDSTILL_MS = 5_000;
const TRADES_RETRY = { firstMs: 200, maxMs: 5_000 };
const BESIDE_RETRY = { firstMs: 500, maxMs: 10_000 };

const monotonicMs = (): number => performance.now();
const wallMs = (): number => Date.now();

/** Wires the feed to the topics. @throws {FatalError} If the key cannot be read. */
export function createIngest(config: IngestConfig, kafka: Kafka, log: Logger): Ingest {
  const { FEED: feedName, RAW_TOPIC: rawTopic } = config;
  const { symbols, refused } = askedSymbols(config);
  const subscriptions = createSubscriptions(symbols);
  const hours = marketHoursOf(config, symbols);
  const priceOnly = createPriceOnlySymbols();
  const { DISORDER_MS: disorderMs, GRACE_MS: graceMs, MEMORY_MS: memoryMs } = config;
  const isReplay = config.REPLAY_SPEED !== undefined;
  const avro = createAvroEvents(config);
  const state: FeedState = {
    connection: 0,
    isConnected: false,
    hasEnded: false,
    aliveMs: 0,
    dataMs: 0,
    away: null,
  };
  const stopping = new AbortController();
  const metrics = createMetrics();
  let epoch = 0;
  let clockTimer: NodeJS.Timeout | undefined;

  const feedTime = createFeedTime(config.REPLAY_SPEED, monotonicMs);
  // In a replay the feed's own time is the only one that says something of it.
  const moments = createMoments(
    { feedMs: feedTime.nowMs, wallMs: isReplay ? feedTime.nowMs : wallMs },
    STANDSTILL_MS,
  );
  const shards = createShardMap(shardOptions(config));
  const gaps = createGaps(shards, moments, { symbols, disorderMs, isReplay });
  const intake = createIntake(shards, intakeOptions(config));
  const outbox = createOutbox(shards, { lingerMs: config.LINGER_MS, spacingMs: config.SPACING_MS });
  const rejects = createRejectQueue(feedName, REJECTS_MS);
  const booksAndNews = createBooksAndNewsQueue(shards, config.BOOKS_AND_NEWS_MS);
  const bound = createBufferBound(bufferOptions(config), {
    outbox,
    metrics,
    log,
    hold() {
      feedTime.stop();
      feed.pause();
    },
    release() {
      if (state.isConnected) feedTime.go();
      feed.resume();
    },
  });

  function laneTo<G extends Group>(
    topic: string,
    options: Omit<LaneOptions<G>, 'produce' | 'close' | 'departure' | 'log'>,
  ) {
    const producer = createRenewedProducer(topic, () => createEventProducer(kafka, avro));
    return createLane<G>({
      ...options,
      produce: (events: readonly MarketEvent[]) => producer.send(events),
      close: () => producer.close(),
      departure: () => ({ epoch, monotonicMs: monotonicMs(), wallMs: wallMs(), traceparent: newTraceparent }),
      log,
    });
  }
  const lanes = {
    trades: laneTo(rawTopic, {
      what: 'trades',
      source: outbox,
      retry: TRADES_RETRY,
      onSent(group) {
        metrics.batches += group.batches;
        metrics.sentRecords += group.records;
        bound.shrink(group);
      },
      onRetry() {
        metrics.retries += 1;
      },
    }),
    rejects: laneTo(config.REJECTS_TOPIC, { what: 'rejects', source: rejects, retry: BESIDE_RETRY }),
    booksAndNews: laneTo(rawTopic, { what: 'books and news', source: booksAndNews, retry: BESIDE_RETRY }),
  };
  const everyLane = Object.values(lanes);

  const handlers = createFeedEvents({
    isReplay,
    shards,
    subscriptions,
    priceOnly,
    samples: shards.format.isSampled ? createSamples() : null,
    state,
    dropsRepeats: config.DROP_REPEATED_FRAMES,
    metrics,
    feedTime,
    gaps,
    intake,
    bound,
    rejects,
    booksAndNews,
    lanes,
    monotonicMs,
    wallMs,
    log,
  });
  const isAllSent = (): boolean => intake.waiting() === 0 && everyLane.every((lane) => lane.isIdle());
  const feed = createFeed(config, handlers, { symbols, moments, isAllSent, log });

  return {
    async start() {
      const found = await readBack(kafka, {
        topic: rawTopic,
        feed: feedName,
        memoryMs,
        onBatch: (batch) => recallBatch(shards, batch, { disorderMs, graceMs, feedMs: feedTime.nowMs() }),
        disorderMs,
        wallMs,
        signal: stopping.signal,
        log,
        avro,
      });
      if (found === null || stopping.signal.aborted) return;
      epoch = Math.max(wallMs(), found.highestEpoch + 1);
      for (const batch of found.unreadable) {
        log.error(
          { ...batch, topic: rawTopic },
          'A batch of the raw topic cannot be read: its trades are missing',
        );
        metrics.unreadableBatches += 1;
        metrics.gaps += gaps.noteUnreadable(batch.shard, batch.span);
      }
      clockTimer = setInterval(() => handlers.onTick(), CLOCK_TICK_MS);
      if (refused.length > 0)
        log.error({ refused }, 'Some of the symbols are not asked for: the others go on');
      log.info({ feed: feedName, epoch, symbols: symbols.length, replay: isReplay }, 'ingest begins');
      feed.start();
    },
    async stop(deadlineMs) {
      stopping.abort();
      clearInterval(clockTimer);
      // Held back first and closed last: what the server is told to have been received has been sent on.
      feed.pause();
      handlers.onStop();
      const sent = await Promise.all(everyLane.map((lane) => lane.flush(deadlineMs)));
      const [areTradesSent = false] = sent;
      await feed.stop(areTradesSent);
      await Promise.all(everyLane.map((lane) => lane.close()));
      if (!areTradesSent) log.error({ records: bound.records() }, 'Cannot send everything before the end');
      return sent.every(Boolean);
    },
    status: () => ({
      feed: feedName,
      epoch,
      connected: state.isConnected,
      away: state.away,
      market: hours.knows ? (hours.isOpen(wallMs()) ? 'open' : 'closed') : 'unknown',
      connection: state.connection,
      subscribed: state.isConnected ? subscriptions.subscribed() : [],
      refused: [...refused, ...subscriptions.refused()],
      priceOnly: priceOnly.all(),
      symbols: symbols.length,
      ...metrics,
      buffered: bound.records(),
      ended: state.hasEnded,
      drained: state.hasEnded && everyLane.every((lane) => lane.isIdle()),
      shards: Object.fromEntries(
        shards
          .all()
          .map(({ name, clock, sequence }) => [name, { watermarkMs: clock?.watermarkMs ?? null, sequence }]),
      ),
    }),
  };
}
