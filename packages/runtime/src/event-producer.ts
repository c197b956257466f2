import { CompressionTypes, type Kafka, type Message, type Producer } from 'kafkajs';
import type { MarketEvent } from '@kandle/market/event/market-event';
import type { AvroEvents } from './avro/avro-events.ts';
import { describeError, RetryableError } from './errors.ts';
import { useFastGzip } from './fast-gzip.ts';
import { toKafkaMessage } from './kafka-message.ts';
import { shardPartitioner } from './shard-partitioner.ts';

/** Sends events to Kafka topics. The small port behind which the Kafka client can be changed. */
export interface EventProducer {
  /**
   * Resolves when every event is acknowledged by all in-sync replicas; events keep their order.
   *
   * @throws {RetryableError} If the broker did not acknowledge; some of them may be written.
   */
  send(topic: string, events: readonly MarketEvent[]): Promise<void>;
  /** Connects ahead of the first `send`, which otherwise does it. */
  connect(): Promise<void>;
  /** Waits for what is under way, then disconnects. */
  close(): Promise<void>;
}

interface Pending {
  readonly topic: string;
  readonly messages: readonly Message[];
  readonly bytes: number;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Most data in one request, before compression: a broker takes 1 MiB per partition unless it is told otherwise.
 */
const MAX_REQUEST_BYTES = 900_000;

/**
 * An idempotent, gzip-compressing producer with `acks=all` that connects when first used.
 *
 * KafkaJS keeps idempotent order only with one request at a time, so whatever is asked for while a request is
 * under way goes together in the next one, as far as a broker takes it.
 *
 * @param avro What writes the events of some topics as Avro; JSON without it.
 */
export function createEventProducer(kafka: Kafka, avro: AvroEvents | null = null): EventProducer {
  useFastGzip();
  let connecting: Promise<Producer> | null = null;
  const waiting: Pending[] = [];
  let draining: Promise<void> | null = null;
  /** The end of the last writing as Avro: what is sent later must not overtake it. */
  let written: Promise<unknown> = Promise.resolve();

  function connect(): Promise<Producer> {
    connecting ??= (async () => {
      const producer = kafka.producer({
        idempotent: true,
        maxInFlightRequests: 1,
        createPartitioner: shardPartitioner,
      });
      await producer.connect();
      return producer;
    })();
    connecting.catch(() => {
      connecting = null;
    });
    return connecting;
  }

  /** The first of what waits, up to the size of a request, but one at least. */
  function takeGroup(): readonly Pending[] {
    let bytes = 0;
    const end = waiting.findIndex((pending) => (bytes += pending.bytes) > MAX_REQUEST_BYTES);
    return waiting.splice(0, end < 0 ? waiting.length : Math.max(1, end));
  }

  /**
   * Lets go of a producer that failed. What it wrote is unknown, and it would number its next batch like the
   * failed one: the broker would take new events for old ones come again, acknowledge them and drop them.
   */
  function discardProducer(): void {
    const failed = connecting;
    connecting = null;
    failed?.then((producer) => producer.disconnect()).catch(() => undefined);
  }

  async function drain(): Promise<void> {
    while (waiting.length > 0) {
      const group = takeGroup();
      try {
        const producer = await connect();
        await producer.sendBatch({
          acks: -1,
          compression: CompressionTypes.GZIP,
          topicMessages: byTopic(group),
        });
        for (const pending of group) pending.resolve();
      } catch (error) {
        discardProducer();
        const retryable = new RetryableError(`Cannot produce to Kafka: ${describeError(error)}`, {
          cause: error,
        });
        for (const pending of group) pending.reject(retryable);
      }
    }
    draining = null;
  }

  function enqueue(topic: string, messages: readonly Message[]): Promise<void> {
    return new Promise((resolve, reject) => {
      waiting.push({ topic, messages, bytes: sizeOf(messages), resolve, reject });
      draining ??= drain();
    });
  }

  async function sendAvro(
    { toMessages }: AvroEvents,
    topic: string,
    events: readonly MarketEvent[],
  ): Promise<void> {
    const writing = written.then(() => toMessages(events));
    written = writing.catch(() => undefined);
    await enqueue(topic, await writing);
  }

  return {
    async send(topic, events) {
      if (events.length === 0) return;
      if (avro?.isWritten(topic) === true) await sendAvro(avro, topic, events);
      else await enqueue(topic, events.map(toKafkaMessage));
    },
    async connect() {
      await connect();
    },
    async close() {
      await written;
      await draining;
      const producer = await connecting?.catch(() => null);
      connecting = null;
      await producer?.disconnect();
    },
  };
}

function sizeOf(messages: readonly Message[]): number {
  return messages.reduce((bytes, { value }) => bytes + Buffer.byteLength(value ?? ''), 0);
}

function byTopic(group: readonly Pending[]): { topic: string; messages: Message[] }[] {
  const topics = new Map<string, Message[]>();
  for (const { topic, messages } of group) topics.set(topic, [...(topics.get(topic) ?? []), ...messages]);
  return [...topics].map(([topic, messages]) => ({ topic, messages }));
}
