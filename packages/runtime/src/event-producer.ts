import { CloudEvent, Kafka as KafkaBinding } from 'cloudevents';
import { CompressionTypes, type Kafka, type Message, type Producer } from 'kafkajs';
import type { MarketEvent } from '@kandle/market/market-event';
import { describeError, RetryableError } from './errors.ts';

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
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * An idempotent, gzip-compressing producer with `acks=all` that connects when first used.
 *
 * KafkaJS keeps idempotent order only with one request at a time, so whatever is asked for while a request is
 * under way goes together in the next one.
 */
export function createEventProducer(kafka: Kafka): EventProducer {
  let connecting: Promise<Producer> | null = null;
  let waiting: Pending[] = [];
  let draining: Promise<void> | null = null;

  function connect(): Promise<Producer> {
    connecting ??= (async () => {
      const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 });
      await producer.connect();
      return producer;
    })();
    connecting.catch(() => {
      connecting = null;
    });
    return connecting;
  }

  async function drain(): Promise<void> {
    while (waiting.length > 0) {
      const group = waiting;
      waiting = [];
      try {
        const producer = await connect();
        await producer.sendBatch({
          acks: -1,
          compression: CompressionTypes.GZIP,
          topicMessages: byTopic(group),
        });
        for (const pending of group) pending.resolve();
      } catch (error) {
        const retryable = new RetryableError(`Cannot produce to Kafka: ${describeError(error)}`, {
          cause: error,
        });
        for (const pending of group) pending.reject(retryable);
      }
    }
    draining = null;
  }

  return {
    send(topic, events) {
      if (events.length === 0) return Promise.resolve();
      return new Promise((resolve, reject) => {
        waiting.push({ topic, messages: events.map(toKafkaMessage), resolve, reject });
        draining ??= drain();
      });
    },
    async connect() {
      await connect();
    },
    async close() {
      await draining;
      const producer = await connecting?.catch(() => null);
      connecting = null;
      await producer?.disconnect();
    },
  };
}

function byTopic(group: readonly Pending[]): { topic: string; messages: Message[] }[] {
  const topics = new Map<string, Message[]>();
  for (const { topic, messages } of group) topics.set(topic, [...(topics.get(topic) ?? []), ...messages]);
  return [...topics].map(([topic, messages]) => ({ topic, messages }));
}

/** The Kafka record of an event: CloudEvents binary mode, JSON data, the shard as key. */
export function toKafkaMessage(event: MarketEvent): Message {
  const { headers, body } = KafkaBinding.binary(
    new CloudEvent({
      ...event.extensions,
      id: event.id,
      source: event.source,
      type: event.type,
      time: new Date().toISOString(),
      datacontenttype: 'application/json',
      data: JSON.stringify(event.data),
    }),
  );
  return {
    key: event.key,
    value: typeof body === 'string' ? body : JSON.stringify(body),
    headers: textHeaders(headers),
  };
}

function textHeaders(headers: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => [name, String(value)]),
  );
}
