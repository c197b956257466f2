import type { AvroEvents } from '@kandle/runtime/avro/avro-events';
import { describeError, RetryableError } from '@kandle/runtime/errors';
import type { createKafka } from '@kandle/runtime/kafka';
import type { Logger } from '@kandle/runtime/log';
import { asJsonRecord, type EventRecord, isAvroRecord } from '@kandle/runtime/record-data';
import { type Positions, STREAM_TOPICS, type StreamTopic } from './positions.ts';
import { readStreamEvent, type StreamEvent } from './stream-event.ts';

type Kafka = ReturnType<typeof createKafka>;
type Consumer = ReturnType<Kafka['consumer']>;

/** One who listens. */
export interface Listener {
  /** Called first, with where it begins. */
  readonly onBegin: (positions: Positions) => void;
  /**
   * Called with every event from its positions on, each once and a partition's in order, and where it stands
   * after it.
   */
  readonly onEvent: (event: StreamEvent, positions: Positions) => void;
  /** Called when Kafka does not hold any more what comes next: some events were missed. */
  readonly onMissed: () => void;
  /** Called once, when nothing more will come: the connection to Kafka is gone. */
  readonly onEnd: () => void;
}

/**
 * Hands the events of the topics to all that listen, by one consumer that is there only while somebody listens.
 */
export interface StreamHub {
  /**
   * Begins to listen.
   *
   * @param from Where to begin; null for what comes from now on.
   * @returns How to end it.
   * @throws {RetryableError} If Kafka does not answer.
   */
  listen(from: Positions | null, listener: Listener): Promise<{ stop(): void }>;
  close(): Promise<void>;
}

/** What the hub is made of. */
export interface HubOptions {
  readonly kafka: Kafka;
  readonly topics: Readonly<Record<StreamTopic, string>>;
  /** Names the group of this process, which commits nothing and is deleted in the end. */
  readonly groupId: string;
  /** How long the consumer stays when nobody listens any more, milliseconds. */
  readonly idleMs: number;
  readonly log: Logger;
  /** Reads events that are Avro; null where there is no schema registry. */
  readonly avro?: AvroEvents | null;
}

interface Listening {
  readonly listener: Listener;
  readonly positions: Record<StreamTopic, bigint[]>;
}

interface Ends {
  readonly low: bigint;
  readonly high: bigint;
}

/** Builds the hub; it connects when somebody listens. */
export function createStreamHub({ kafka, topics, groupId, idleMs, log, avro = null }: HubOptions): StreamHub {
  const admin = kafka.admin();
  const all = new Set<Listening>();
  const nameOf = new Map(STREAM_TOPICS.map((topic) => [topics[topic], topic]));
  /** The offset that the consumer comes to next, by topic and partition. */
  const reached = new Map<string, bigint>();
  let running: Promise<Consumer> | null = null;
  /** The end of the consumer before: the next one of the same group waits for it. */
  let stopping: Promise<void> = Promise.resolve();
  let idle: NodeJS.Timeout | null = null;
  let told = '';
  let connected: Promise<void> | null = null;

  function connect(): Promise<void> {
    connected ??= admin.connect().catch((error: unknown) => {
      connected = null;
      throw error;
    });
    return connected;
  }

  async function readEnds(topic: StreamTopic): Promise<readonly Ends[]> {
    await connect();
    const found = await admin.fetchTopicOffsets(topics[topic]);
    return found
      .toSorted((a, b) => a.partition - b.partition)
      .map(({ low, high }) => ({ low: BigInt(low), high: BigInt(high) }));
  }

  /** The consumer that runs, or a new one. */
  function consume(): Promise<Consumer> {
    if (running !== null) return running;
    const begun = run().catch((error: unknown) => {
      if (running === begun) running = null;
      throw error;
    });
    running = begun;
    return begun;
  }

  /** As JSON; what cannot be read has none, and is only not shown. One reason is told once. */
  async function shown(
    message: EventRecord & { readonly offset: string },
  ): Promise<Pick<EventRecord, 'value'>> {
    try {
      return await asJsonRecord(message, avro);
    } catch (error) {
      const reason = describeError(error);
      if (reason !== told) log.warn({ offset: message.offset }, `Cannot show events: ${reason}`);
      told = reason;
      return { value: null };
    }
  }

  async function run(): Promise<Consumer> {
    await stopping;
    const consumer = kafka.consumer({
      groupId,
      maxWaitTimeInMs: 100,
      // A consumer that ended begins again with those who come again, and they say from where.
      retry: { retries: 3, restartOnFailure: async () => false },
    });
    // KafkaJS forgets at each join where it was: a rebalance would let it go on with what comes from then on.
    consumer.on(consumer.events.GROUP_JOIN, () => seek(consumer));
    consumer.on(consumer.events.CRASH, ({ payload: { error } }) => {
      log.warn({ err: error }, `The stream's consumer ended: ${describeError(error)}`);
      end();
    });
    try {
      await consumer.connect();
      await consumer.subscribe({ topics: Object.values(topics) });
      await consumer.run({
        autoCommit: false,
        eachBatch: async ({ batch, isStale, heartbeat }) => {
          const topic = nameOf.get(batch.topic);
          if (topic === undefined) return;
          const place = `${topic}/${batch.partition}`;
          for (const message of batch.messages) {
            if (isStale()) return;
            const { offset, headers } = message;
            const { value } = isAvroRecord(message) ? await shown(message) : message;
            const at = BigInt(offset);
            deliver(topic, batch.partition, { from: reached.get(place) ?? at, offset: at }, () =>
              readStreamEvent(headers?.['ce_type']?.toString(), value),
            );
            reached.set(place, at + 1n);
          }
          await heartbeat();
        },
      });
    } catch (error) {
      await consumer.disconnect().catch(() => undefined);
      throw error;
    }
    return consumer;
  }

  /** Gives a record to those whose next it is: it is the first that Kafka holds from `from` on. */
  function deliver(
    topic: StreamTopic,
    partition: number,
    { from, offset }: { readonly from: bigint; readonly offset: bigint },
    read: () => StreamEvent | null,
  ): void {
    let event: StreamEvent | null | undefined;
    for (const { listener, positions } of all) {
      const position = positions[topic][partition] ?? 0n;
      // Behind: the consumer goes back for it. Ahead: it has had this.
      if (position < from || position > offset) continue;
      // Neither transactions nor compaction leave holes in these topics: what is not there was deleted.
      if (position < offset) listener.onMissed();
      positions[topic][partition] = offset + 1n;
      if (event === undefined) {
        try {
          event = read();
        } catch (error) {
          // For its consumers to judge: here it is only not shown.
          log.warn(`Cannot show ${topic} ${partition}:${offset}: ${describeError(error)}`);
          event = null;
        }
      }
      if (event !== null) listener.onEvent(event, positions);
    }
  }

  /** Lets the consumer read each partition from the lowest position of a listener on. */
  function seek(consumer: Consumer): void {
    for (const topic of STREAM_TOPICS) {
      const partitions = Math.max(0, ...[...all].map(({ positions }) => positions[topic].length));
      for (let partition = 0; partition < partitions; partition++) {
        const wanted = [...all].map(({ positions }) => positions[topic][partition] ?? 0n);
        const lowest = wanted.reduce((low, one) => (one < low ? one : low));
        reached.set(`${topic}/${partition}`, lowest);
        consumer.seek({ topic: topics[topic], partition, offset: String(lowest) });
      }
    }
  }

  /** Nothing more comes: everybody is told, and may begin anew. */
  function end(): void {
    const gone = [...all];
    all.clear();
    stopConsumer();
    for (const { listener } of gone) listener.onEnd();
  }

  /**
   * Ends the consumer, if there is one, and its group. Never fails: a group that nobody is in is forgotten in
   * the end.
   */
  function stopConsumer(): void {
    const ending = running;
    running = null;
    if (ending === null) return;
    stopping = ending
      .then((consumer) => consumer.disconnect())
      .then(() => admin.deleteGroups([groupId]))
      .then(
        () => undefined,
        () => undefined,
      );
  }

  return {
    async listen(from, listener) {
      if (idle !== null) clearTimeout(idle);
      idle = null;
      try {
        const [candles, signals] = await Promise.all([readEnds('candles'), readEnds('signals')]);
        const ends = { candles, signals };
        let isMissed = false;
        const positionsOf = (topic: StreamTopic): bigint[] =>
          ends[topic].map(({ low, high }, partition) => {
            const wanted = from?.[topic][partition];
            // A topic that was made anew begins at 0 again, and so does a partition that was not there before.
            if (from === null) return high;
            if (wanted === undefined) return low;
            if (wanted >= low && wanted <= high) return wanted;
            isMissed = true;
            return wanted < low ? low : high;
          });
        const listening: Listening = {
          listener,
          positions: { candles: positionsOf('candles'), signals: positionsOf('signals') },
        };
        listener.onBegin(listening.positions);
        if (isMissed) listener.onMissed();
        const begun = consume();
        const consumer = await begun;
        if (running !== begun) throw new Error('the consumer ended as it began');
        all.add(listening);
        seek(consumer);
        return {
          stop() {
            all.delete(listening);
            if (all.size > 0 || idle !== null) return;
            idle = setTimeout(() => {
              idle = null;
              // Somebody may have been about to listen when the last one stopped.
              if (all.size === 0) stopConsumer();
            }, idleMs);
            idle.unref();
          },
        };
      } catch (error) {
        throw new RetryableError(`Cannot listen to Kafka: ${describeError(error)}`, { cause: error });
      }
    },
    async close() {
      if (idle !== null) clearTimeout(idle);
      end();
      await stopping;
      await admin.disconnect().catch(() => undefined);
    },
  };
}
