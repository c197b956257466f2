import { createEventProducer } from '@kandle/runtime/event-producer';
import type { Logger } from '@kandle/runtime/log';
import { newTraceparent } from '@kandle/runtime/trace';
import { createBackgroundSender } from './background-sender.ts';
import { createBufferBound } from './buffer-bound.ts';
import { type IngestConfig, readToken } from './config.ts';
import { createCounts } from './counts.ts';
import { createFeedEvents } from './feed-events.ts';
import { createFeedTime } from './feed-time.ts';
import { createFinnhubFeed } from './finnhub-feed.ts';
import { createIntake } from './intake.ts';
import { createBooksAndNewsQueue } from './books-and-news-queue.ts';
import { createOutbox, type Departure } from './outbox.ts';
import { readBack } from './read-back.ts';
import { recallBatch } from './recall.ts';
import { createRejectQueue } from './reject-queue.ts';
import { createRenewedProducer } from './renewed-producer.ts';
import { createSender } from './sender.ts';
import { createShardMap } from './shard-map.ts';
import type { IngestStatus } from './status.ts';
import type { Kafka } from './topic-tail.ts';

/** A running ingest. */
export interface Ingest {
  /**
   * Reads back, then connects to the feed; resolves when it has begun, or was stopped before.
   *
   * @throws {RangeError} If the log belongs to another number of shards.
   */
  start(): Promise<void>;
  /** Stops the feed, sends what waits, disconnects. @returns False if not everything was acknowledged in time. */
  stop(deadlineMs: number): Promise<boolean>;
  status(): IngestStatus;
}

/** How often time moves the watermarks, milliseconds. */
const CLOCK_TICK_MS = 100;
/** Rejects of a moment go together, milliseconds. */
const REJECTS_MS = 200;
/** Trades that a replay remembers at least: more than its server ever sends again. */
const REPLAY_MEMORY_TRADES = 400_000;

/** Wires the feed to the topics. @throws {FatalError} If the key cannot be read. */
export function createIngest(config: IngestConfig, kafka: Kafka, log: Logger): Ingest {
  const { FEED: feed, SYMBOLS: symbols, REPLAY_SPEED: speed } = config;
  const { DISORDER_MS: disorderMs, GRACE_MS: graceMs, MEMORY_MS: memoryMs } = config;
  const isReplay = speed !== undefined;
  const state = { connection: 0, isConnected: false, hasEnded: false, aliveMs: 0 };
  const stopping = new AbortController();
  let epoch = 0;
  let clockTimer: NodeJS.Timeout | undefined;

  const counts = createCounts();
  const feedTime = createFeedTime(speed, nowMs);
  const shards = createShardMap({
    feed,
    shardCount: config.SHARD_COUNT,
    maxTrades: config.MAX_TRADES,
    maxBatchBytes: config.MAX_BATCH_BYTES,
    graceMs,
  });
  const intake = createIntake(shards, {
    clock: { disorderMs, graceMs, speed: speed === Number.POSITIVE_INFINITY ? speed : 1 },
    aheadMs: config.AHEAD_MS,
    memoryMs,
    memoryMinTrades: isReplay ? REPLAY_MEMORY_TRADES : 0,
    isReplay,
  });
  const outbox = createOutbox(shards, {
    lingerMs: config.LINGER_MS,
    spacingMs: config.SPACING_MS,
  });
  const bound = createBufferBound(
    { maxRecords: config.BUFFER_MAX_RECORDS, maxBytes: config.BUFFER_MAX_BYTES, isReplay },
    {
      outbox,
      counts,
      log,
      hold() {
        feedTime.stop();
        client.pause();
      },
      release() {
        if (state.isConnected) feedTime.go();
        client.resume();
      },
    },
  );
  const rawProducer = createRenewedProducer(config.RAW_TOPIC, () => createEventProducer(kafka));
  const departure = (): Departure => ({
    epoch,
    nowMs: nowMs(),
    wallMs: Date.now(),
    traceparent: newTraceparent,
  });
  const sender = createSender({
    outbox,
    produce: (events) => rawProducer.send(events),
    departure,
    onSent(group) {
      counts.batches += group.batches;
      counts.sentRecords += group.records;
      bound.shrink(group);
    },
    onRetry() {
      counts.retries += 1;
    },
    log,
  });
  const rejectProducer = createRenewedProducer(config.REJECTS_TOPIC, () => createEventProducer(kafka));
  const rejects = createRejectQueue(feed, () => epoch);
  const rejectSender = createBackgroundSender({
    what: 'rejects',
    take: () => rejects.take(),
    isEmpty: () => rejects.size() === 0,
    produce: (events) => rejectProducer.send(events),
    everyMs: REJECTS_MS,
    log,
  });
  const kindProducer = createRenewedProducer(config.RAW_TOPIC, () => createEventProducer(kafka));
  const kinds = createBooksAndNewsQueue(shards);
  const kindSender = createBackgroundSender({
    what: 'books or news',
    take: () => kinds.take(departure()),
    isEmpty: () => kinds.size() === 0,
    produce: (events) => kindProducer.send(events),
    everyMs: config.BOOKS_AND_NEWS_MS,
    log,
  });
  const events = createFeedEvents({
    symbols,
    disorderMs,
    isReplay,
    state,
    counts,
    feedTime,
    shards,
    intake,
    bound,
    rejects,
    kinds,
    nowMs,
    log,
    wallMs: Date.now,
    wake: () => sender.wake(),
    wakeRejects: () => rejectSender.wake(),
    wakeKinds: () => kindSender.wake(),
  });
  const client = createFinnhubFeed(
    {
      url: config.FEED_URL,
      token: readToken(config),
      symbols,
      subscriptions: [
        ...(config.NEWS ? ['subscribe-news'] : []),
        ...(config.BOOKS ? ['subscribe-book'] : []),
      ],
      silenceMs: config.SILENCE_MS,
      reconnectMinMs: config.RECONNECT_MIN_MS,
      reconnectMaxMs: config.RECONNECT_MAX_MS,
      stableMs: config.STABLE_MS,
      isReplay,
      random: Math.random,
      log,
    },
    events,
  );

  return {
    async start() {
      const highest = await readBack(kafka, {
        topic: config.RAW_TOPIC,
        feed,
        memoryMs,
        onBatch: (batch) => recallBatch(shards, batch, { disorderMs, graceMs, feedMs: feedTime.nowMs() }),
        nowMs: Date.now,
        signal: stopping.signal,
        log,
      });
      if (highest === null || stopping.signal.aborted) return;
      epoch = Math.max(Date.now(), highest + 1);
      clockTimer = setInterval(() => {
        if (state.hasEnded) return;
        intake.advance(state.aliveMs, nowMs());
        sender.wake();
      }, CLOCK_TICK_MS);
      log.info({ feed, epoch, symbols: symbols.length, replay: isReplay }, 'ingest begins');
      client.start();
    },
    async stop(deadlineMs) {
      stopping.abort();
      clearInterval(clockTimer);
      // Held back first and closed last: what the server is told to have been received has been sent on.
      client.pause();
      const [sent, rejectsSent, kindsSent] = await Promise.all([
        sender.flush(deadlineMs),
        rejectSender.flush(deadlineMs),
        kindSender.flush(deadlineMs),
      ]);
      await client.stop(sent);
      await Promise.all([rawProducer.close(), rejectProducer.close(), kindProducer.close()]);
      if (!sent) log.error({ records: bound.records() }, 'Cannot send everything before the end');
      return sent && rejectsSent && kindsSent;
    },
    status() {
      const isEmpty = rejects.size() === 0 && kinds.size() === 0 && !kindSender.isBusy();
      const isIdle = !sender.isBusy() && outbox.readyAtMs() === undefined && isEmpty;
      return {
        feed,
        epoch,
        connected: state.isConnected,
        connection: state.connection,
        subscribed: state.isConnected ? symbols : [],
        symbols: symbols.length,
        ...counts,
        buffered: bound.records(),
        ended: state.hasEnded,
        drained: state.hasEnded && isIdle,
        shards: Object.fromEntries(
          shards
            .lines()
            .map((line) => [
              line.shard,
              { watermarkMs: line.clock?.watermarkMs ?? null, sequence: line.sequence },
            ]),
        ),
      };
    },
  };
}

/** The monotonic clock, milliseconds. */
function nowMs(): number {
  return performance.now();
}
