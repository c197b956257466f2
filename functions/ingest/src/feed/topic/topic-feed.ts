import type { FeedFrame } from '@kandle/market/feed/feed-frame';
import { createTimeOrder } from '@kandle/market/feed/time-order';
import { backOffMs } from '@kandle/runtime/back-off';
import { describeError, PoisonError } from '@kandle/runtime/errors';
import type { Logger } from '@kandle/runtime/log';
import type { EventRecord } from '@kandle/runtime/record-data';
import { pause } from '../../pause.ts';
import type { Kafka } from '../../read-back/offset-range-consumer.ts';
import type { Feed, FeedHandlers } from '../feed.ts';
import type { RecordReader } from './record-reader.ts';

/** Which topic is taken in, and how. */
export interface TopicFeedOptions {
  readonly kafka: Kafka;
  readonly topic: string;
  /** Its offsets say up to where everything is in the raw topic. */
  readonly group: string;
  /** Where to begin when the group has no offset yet. */
  readonly from: 'beginning' | 'end';
  readonly createReader: () => Promise<RecordReader>;
  /** A record's text as a frame. */
  readonly parse: (text: string, place: string) => FeedFrame;
  /** True if the raw topic has everything that was handed over; null where nobody keeps it. */
  readonly isAllSent: (() => boolean) | null;
  readonly retryMinMs: number;
  readonly retryMaxMs: number;
  readonly log: Logger;
}

type Consumer = ReturnType<Kafka['consumer']>;

/** A record as the client has it. */
interface TopicRecord extends EventRecord {
  readonly offset: string;
  readonly timestamp: string;
}

interface Item {
  readonly text: string;
  readonly frame: FeedFrame;
}

type Position = Readonly<Record<'partition', number> & Record<'from' | 'end', bigint>>;

/** Records of a partition that wait here; with more, it is not fetched. */
const MAX_WAITING = 5_000;
const FETCH_BYTES = 262_144;
/** A killed process is waited for by the next one: as short as brokers allow. */
const SESSION_MS = 6_000;
/** How long a partition that is known to have more is waited for: an end may be a mark of a transaction. */
const PATIENCE_MS = 5_000;
/** How often it is asked whether everything was sent, and how long nothing new is handed over for it. */
const COMMIT_MS = 10_000;
const HOLD_MS = 3_000;
const LOOK_MS = 20;

/**
 * A feed of what others write into a topic of Kafka: what is away, or not taken yet, stays there and comes
 * later, so nothing is dropped and no time is a gap, as long as the topic keeps it.
 *
 * Partitions are handed over as one sequence, in the order of their records' timestamps: after a pause one
 * would otherwise be read hours ahead of another. An offset is committed only when the raw topic has all that
 * was handed over before it; what comes again after a kill is known by its id.
 */
export function createTopicFeed(options: TopicFeedOptions, handlers: FeedHandlers): Feed {
  const { kafka, topic, group, log } = options;
  const stopping = new AbortController();
  const { signal } = stopping;
  let order = createTimeOrder<Item>();
  /** The next offset of each partition that was not handed over. */
  let handed = new Map<number, bigint>();
  let consumer: Consumer | null = null;
  let running: Promise<void> = Promise.resolve();
  let connection = 0;
  let isPaused = false;
  let isHeld = false;
  let movedAtMs = 0;
  let committed = '';

  async function run(): Promise<void> {
    const reader = await options.createReader();
    for (let attempt = 0; !signal.aborted; attempt++) {
      const startedMs = performance.now();
      try {
        await readUntilBroken(reader);
      } catch (error) {
        if (signal.aborted) return;
        const words = `Cannot read ${topic}: ${describeError(error)}`;
        // It held for a while: the waits begin anew.
        if (performance.now() - startedMs > 30_000) attempt = 0;
        const waitMs = backOffMs(attempt, Math.random(), {
          firstMs: options.retryMinMs,
          maxMs: options.retryMaxMs,
        });
        log.warn({ attempt: attempt + 1 }, words);
        handlers.onWaiting(words, waitMs, false);
        await pause(waitMs, signal);
      }
    }
  }

  /** Reads on until the feed is stopped. @throws {Error} If the line to Kafka breaks. */
  async function readUntilBroken(reader: RecordReader): Promise<void> {
    const { positions, hasBegun, isWhole } = await findPositions();
    const ended = new AbortController();
    order = createTimeOrder<Item>();
    handed = new Map(positions.map(({ partition, from }) => [partition, from]));
    for (const { partition, from, end } of positions) order.begin(partition, from, end);
    const broken = Promise.withResolvers<void>();
    broken.promise.catch(() => undefined);
    signal.addEventListener('abort', () => broken.resolve(), { once: true });
    const mine = kafka.consumer({
      groupId: group,
      sessionTimeout: SESSION_MS,
      heartbeatInterval: SESSION_MS / 4,
      rebalanceTimeout: SESSION_MS,
      maxWaitTimeInMs: 100,
      maxBytesPerPartition: FETCH_BYTES,
      allowAutoTopicCreation: false,
      retry: { initialRetryTime: 100, maxRetryTime: 2_000, retries: 10, restartOnFailure: async () => false },
    });
    // At each join, for KafkaJS forgets at a rebalance where it was.
    mine.on(mine.events.GROUP_JOIN, () => {
      for (const partition of handed.keys())
        mine.seek({ topic, partition, offset: String(order.next(partition) ?? 0n) });
    });
    mine.on(mine.events.CRASH, ({ payload: { error } }) => broken.reject(error));
    // Kafka answers, and nothing waits: what has not come by now was not written by now.
    mine.on(mine.events.FETCH, () => {
      if (order.waiting() === 0 && mayHandOver()) handlers.onAlive();
      handOver();
    });
    let isOpen = false;
    try {
      await mine.connect();
      await mine.subscribe({ topic, fromBeginning: true });
      connection += 1;
      isOpen = true;
      handlers.onConnected(connection, isWhole ? 'kept' : connection === 1 ? null : 'disconnected');
      consumer = mine;
      movedAtMs = performance.now();
      await mine.run({
        autoCommit: false,
        eachBatch: async ({ batch }) => {
          try {
            order.setEnd(batch.partition, BigInt(batch.highWatermark));
            for (const message of batch.messages) await take(reader, batch.partition, message);
          } catch (error) {
            broken.reject(error);
            return;
          }
          movedAtMs = performance.now();
          handOver();
          if (order.waiting(batch.partition) >= MAX_WAITING)
            mine.pause([{ topic, partitions: [batch.partition] }]);
        },
      });
      // From now on a process that is killed goes on from here.
      if (!hasBegun) await commit(mine, new Map(positions.map(({ partition, from }) => [partition, from])));
      await Promise.race([broken.promise, commitNowAndThen(mine, ended.signal)]);
    } finally {
      ended.abort();
      consumer = null;
      if (isOpen) handlers.onDisconnected();
      await mine.disconnect().catch(() => undefined);
    }
  }

  /** Where each partition is read from, and whether nothing is missing before that. */
  async function findPositions(): Promise<{
    readonly positions: readonly Position[];
    readonly hasBegun: boolean;
    readonly isWhole: boolean;
  }> {
    const admin = kafka.admin();
    await admin.connect();
    try {
      const bounds = await admin.fetchTopicOffsets(topic);
      const [known] = await admin.fetchOffsets({ groupId: group, topics: [topic] });
      const offsets = new Map(known?.partitions.map(({ partition, offset }) => [partition, BigInt(offset)]));
      // A partition that was added later is read from its beginning.
      const hasBegun = [...offsets.values()].some((offset) => offset >= 0n);
      let isWhole = true;
      const positions = bounds.map(({ partition, low, high }): Position => {
        const [first, end] = [BigInt(low), BigInt(high)];
        // What was handed over already needs no second time, as long as this process lives.
        const offset = handed.get(partition) ?? offsets.get(partition) ?? -1n;
        if (offset >= first && offset <= end) return { partition, from: offset, end };
        const from = hasBegun || options.from === 'beginning' ? first : end;
        if (hasBegun ? first > 0n : options.from === 'end') isWhole = false;
        return { partition, from, end };
      });
      log.info({ topic, group, hasBegun, isWhole }, 'the topic is read');
      return { positions, hasBegun, isWhole };
    } finally {
      await admin.disconnect();
    }
  }

  async function take(reader: RecordReader, partition: number, message: TopicRecord): Promise<void> {
    const offset = BigInt(message.offset);
    if (offset < (order.next(partition) ?? 0n)) return;
    order.push(partition, offset, Number(message.timestamp), await itemOf(reader, partition, message));
  }

  async function itemOf(reader: RecordReader, partition: number, message: TopicRecord): Promise<Item> {
    const place = `${partition}:${message.offset}`;
    try {
      const text = await reader.read(message);
      return { text, frame: options.parse(text, place) };
    } catch (error) {
      if (!(error instanceof PoisonError)) throw error;
      const detail = `record ${place} of ${topic}: ${error.message}`;
      return { text: message.value?.toString('base64') ?? '', frame: { kind: 'bad', detail } };
    }
  }

  /** Asked for each record: one may fill the buffer, and the feed is held. */
  const mayHandOver = (): boolean => !isPaused && !isHeld;

  function handOver(): void {
    if (consumer === null) return;
    const isPatient = performance.now() - movedAtMs < PATIENCE_MS;
    while (mayHandOver()) {
      const next = order.take(isPatient);
      if (next === null) break;
      handlers.onAlive();
      handlers.onFrame(next.item.frame, next.item.text);
      handed.set(next.partition, next.offset + 1n);
    }
    const paused = consumer.paused().flatMap(({ partitions }) => partitions);
    const ready = paused.filter((partition) => order.waiting(partition) < MAX_WAITING / 2);
    if (ready.length > 0) consumer.resume([{ topic, partitions: ready }]);
  }

  async function commitNowAndThen(mine: Consumer, ended: AbortSignal): Promise<void> {
    const { isAllSent } = options;
    while (!ended.aborted && !signal.aborted) {
      await pause(COMMIT_MS, AbortSignal.any([ended, signal]));
      if (ended.aborted || isPaused || isAllSent === null) continue;
      isHeld = true;
      const deadline = performance.now() + HOLD_MS;
      while (!isAllSent() && performance.now() < deadline && !ended.aborted) await pause(LOOK_MS, ended);
      if (isAllSent()) await commit(mine, handed);
      isHeld = false;
      handOver();
    }
  }

  /** What fails is committed the next time: until then more would be read again after a kill. */
  async function commit(mine: Consumer, next: ReadonlyMap<number, bigint>): Promise<void> {
    if (options.isAllSent === null) return;
    const offsets = [...next].map(([partition, offset]) => ({ topic, partition, offset: String(offset) }));
    const text = JSON.stringify(offsets);
    if (text === committed) return;
    try {
      await mine.commitOffsets(offsets);
      committed = text;
    } catch (error) {
      log.warn(`Cannot commit offsets of ${topic}: ${describeError(error)}`);
    }
  }

  return {
    start() {
      running = run().catch((error: unknown) => {
        log.error(describeError(error));
        handlers.onWaiting(describeError(error), 0, true);
      });
    },
    pause() {
      isPaused = true;
    },
    resume() {
      isPaused = false;
      // What is fetched again only now is waited for, as ever.
      movedAtMs = performance.now();
      handOver();
    },
    async stop(goodbye) {
      isPaused = true;
      if (goodbye && consumer !== null) await commit(consumer, handed);
      stopping.abort();
      await running;
    },
  };
}
