import type { AvroEvents } from '@kandle/runtime/avro/avro-events';
import { describeError } from '@kandle/runtime/errors';
import { readRecords } from '@kandle/runtime/read-records';
import { asJsonRecord } from '@kandle/runtime/record-data';
import type { Admin, Kafka, KafkaMessage } from 'kafkajs';
import { RefusedRequest } from './local-pages.ts';

/** A read-only look into the topics; leaves no offsets behind. */
export interface TopicBrowser {
  topics(): Promise<readonly TopicFacts[]>;
  /** The newest events, the newest first. @throws {RefusedRequest} If there is no such topic. */
  events(topic: string, limit: number): Promise<readonly TopicEvent[]>;
  close(): Promise<void>;
}

/** How much lies in a topic. */
export interface TopicFacts {
  readonly name: string;
  readonly partitions: number;
  /** Records that Kafka still holds, and all that there ever were. */
  readonly held: number;
  readonly written: number;
}

/** A record as it lies in Kafka. */
export interface TopicEvent {
  readonly partition: number;
  readonly offset: string;
  readonly writtenMs: number;
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The beginning of its value; of Avro, as JSON. */
  readonly value: string;
  readonly bytes: number;
}

const MAX_VALUE = 20_000;
const DEADLINE_MS = 8_000;

/** Builds the look into the topics of a broker. @param avro Reads events that are Avro. */
export function createTopicBrowser(kafka: Kafka, avro: AvroEvents | null): TopicBrowser {
  const admin = kafka.admin();
  let connected: Promise<void> | null = null;

  async function connect(): Promise<Admin> {
    connected ??= admin.connect().catch((error: unknown) => {
      connected = null;
      throw error;
    });
    await connected;
    return admin;
  }

  async function names(): Promise<readonly string[]> {
    const found = await (await connect()).listTopics();
    return found.filter((name) => !name.startsWith('__')).toSorted();
  }

  return {
    async topics() {
      return Promise.all(
        (await names()).map(async (name) => {
          const ends = await admin.fetchTopicOffsets(name);
          const written = ends.reduce((sum, { high }) => sum + Number(high), 0);
          return {
            name,
            partitions: ends.length,
            held: written - ends.reduce((sum, { low }) => sum + Number(low), 0),
            written,
          };
        }),
      );
    },
    async events(topic, limit) {
      if (!(await names()).includes(topic)) throw new RefusedRequest(404, `There is no topic ${topic}`);
      const ends = (await admin.fetchTopicOffsets(topic)).filter(({ low, high }) => low !== high);
      return (await readEnds({ kafka, avro }, topic, ends, limit))
        .toSorted((a, b) => b.writtenMs - a.writtenMs || Number(b.offset) - Number(a.offset))
        .slice(0, limit);
    },
    async close() {
      if (connected !== null) await admin.disconnect().catch(() => undefined);
    },
  };
}

/** The last records of every partition; fewer if the broker is slow. */
async function readEnds(
  { kafka, avro }: { readonly kafka: Kafka; readonly avro: AvroEvents | null },
  topic: string,
  ends: Awaited<ReturnType<Admin['fetchTopicOffsets']>>,
  limit: number,
): Promise<readonly TopicEvent[]> {
  const ranges = ends.map(({ partition, low, high }) => {
    const [first, end] = [BigInt(low), BigInt(high)];
    const from = end - BigInt(limit);
    return { partition, from: from > first ? from : first, to: end };
  });
  const events: TopicEvent[] = [];
  const limits = { name: 'kandle-console', deadlineMs: DEADLINE_MS, maxRecords: Number.POSITIVE_INFINITY };
  await readRecords(kafka, topic, ranges, limits, async (partition, message) => {
    events.push(eventOf(partition, message, await textOf(message, avro)));
  });
  return events;
}

/** A value as people can read it. */
async function textOf(message: KafkaMessage, avro: AvroEvents | null): Promise<string> {
  try {
    const { value } = await asJsonRecord(message, avro);
    return value?.toString() ?? '';
  } catch (error) {
    return describeError(error);
  }
}

function eventOf(
  partition: number,
  { offset, timestamp, key, headers, value }: KafkaMessage,
  text: string,
): TopicEvent {
  return {
    partition,
    offset,
    writtenMs: Number(timestamp),
    key: key?.toString() ?? '',
    headers: Object.fromEntries(
      Object.entries(headers ?? {}).map(([name, text]) => [
        name,
        String(Array.isArray(text) ? text.at(-1) : text).slice(0, MAX_VALUE),
      ]),
    ),
    value: text.slice(0, MAX_VALUE),
    bytes: value?.length ?? 0,
  };
}
