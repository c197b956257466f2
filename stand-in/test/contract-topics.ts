import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { createTopics } from '@kandle/servers/kafka/create-topics';
import { type Admin, Kafka, type KafkaMessage, logLevel, type Message, type Producer } from 'kafkajs';

/** A record of a topic, as it lies there. */
interface KeptRecord {
  readonly key: string | null;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, string>>;
}

/** Topics and consumer groups of a test's own on the real broker. */
export interface ContractTopics {
  /** A new topic; answers its name. */
  create(partitions?: number): Promise<string>;
  /** Writes records in order, acknowledged, as one request. */
  produce(topic: string, records: readonly Message[]): Promise<void>;
  /** Number of records of a topic. */
  size(topic: string): Promise<number>;
  /** All records of a topic, once there are so many. */
  read(topic: string, count: number): Promise<readonly KeptRecord[]>;
  /** The committed offset of a partition; -1 if there is none. */
  committed(group: string, topic: string, partition?: number): Promise<number>;
  /** Number of members of a group, and of partitions of each. */
  shares(group: string): Promise<readonly number[]>;
  close(): Promise<void>;
}

/** Connects to the broker. */
export async function openTopics(brokers: readonly string[]): Promise<ContractTopics> {
  const kafka = new Kafka({ clientId: 'kandle-test', brokers: [...brokers], logLevel: logLevel.NOTHING });
  const admin: Admin = kafka.admin();
  const producer: Producer = kafka.producer();
  await Promise.all([admin.connect(), producer.connect()]);

  async function size(topic: string): Promise<number> {
    const offsets = await admin.fetchTopicOffsets(topic);
    return offsets.reduce((sum, { high, low }) => sum + Number(high) - Number(low), 0);
  }

  return {
    async create(partitions = 1) {
      const topic = `contract-${randomUUID()}`;
      // By an admin of its own: KafkaJS asks for every topic that an admin was ever asked for at once, so that
      // one which a busy broker does not know yet would fail what the tests beside this one ask.
      const creator = kafka.admin();
      await creator.connect();
      try {
        await createTopics(creator, [{ topic, partitions }]);
      } finally {
        await creator.disconnect();
      }
      return topic;
    },
    async produce(topic, records) {
      await producer.send({ topic, messages: [...records] });
    },
    size,
    async read(topic, count) {
      const deadline = performance.now() + 20_000;
      while ((await size(topic)) < count) {
        if (performance.now() > deadline)
          throw new Error(`${topic} has ${await size(topic)} of ${count} records`);
        await sleep(20);
      }
      return readAll(kafka, topic, await size(topic));
    },
    async committed(group, topic, partition = 0) {
      const [found] = await admin.fetchOffsets({ groupId: group, topics: [topic] });
      return Number(found?.partitions.find((one) => one.partition === partition)?.offset ?? -1);
    },
    async shares(group) {
      const { groups } = await admin.describeGroups([group]);
      return (groups[0]?.members ?? []).map(({ memberAssignment }) => partitionsIn(memberAssignment));
    },
    async close() {
      await Promise.all([admin.disconnect(), producer.disconnect()]);
    },
  };
}

async function readAll(kafka: Kafka, topic: string, count: number): Promise<readonly KeptRecord[]> {
  const records: KeptRecord[] = [];
  if (count === 0) return records;
  const consumer = kafka.consumer({ groupId: `read-${randomUUID()}` });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await new Promise<void>((resolve, reject) => {
    consumer
      .run({
        eachMessage: async ({ message }) => {
          records.push(toKept(message));
          if (records.length >= count) resolve();
        },
      })
      .catch(reject);
  });
  await consumer.disconnect();
  return records;
}

function toKept({ key, value, headers }: KafkaMessage): KeptRecord {
  const texts = Object.entries(headers ?? {}).map(([name, text]) => [name, String(text)] as const);
  return { key: key?.toString() ?? null, value, headers: Object.fromEntries(texts) };
}

/** Partitions in a member's assignment: version, then topics, each with its name and its partitions. */
function partitionsIn(assignment: Buffer): number {
  if (assignment.length < 6) return 0;
  const nameLength = assignment.readInt16BE(6);
  return assignment.readInt32BE(8 + nameLength);
}
