import { randomBytes, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import type { MarketEvent } from '@kandle/market/event/market-event';
import { createTopics } from '@kandle/servers/kafka/create-topics';
import { Kafka, logLevel } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest';
import { readEnv } from '../src/config.ts';
import { RetryableError } from '../src/errors.ts';
import { createEventProducer, type EventProducer } from '../src/event-producer.ts';
import { createKafka, KafkaEnv } from '../src/kafka.ts';
import { createLogger } from '../src/log.ts';

const brokers = inject('kafkaBrokers');
const log = createLogger('test', 'silent');
const kafka = createKafka(readEnv(KafkaEnv, { KAFKA_BROKERS: brokers.join(',') }), 'test', log);
const admin = kafka.admin();

beforeAll(() => admin.connect());
afterAll(() => admin.disconnect());

async function freshTopic(partitions = 1): Promise<string> {
  const topic = `test-${randomUUID()}`;
  await createTopics(admin, [{ topic, partitions }]);
  return topic;
}

function closing(producer: EventProducer): EventProducer {
  onTestFinished(() => producer.close());
  return producer;
}

function eventOf(key: string, sequence: number, data: unknown = {}): MarketEvent {
  return {
    id: `1:${key}:${sequence}`,
    source: '/feeds/test',
    type: 'io.kandle.test.v1',
    key,
    extensions: { partitionkey: key, shard: key, sequence: String(sequence) },
    data,
  };
}

interface Read {
  readonly key: string;
  readonly id: string;
  readonly type: string;
  readonly partition: number;
}

/** The records of a topic, in the order of each partition, once there are so many or the topic has no more. */
async function readTopic(topic: string): Promise<readonly Read[]> {
  const ends = await admin.fetchTopicOffsets(topic);
  const missing = new Map(ends.map(({ partition, high }) => [partition, Number(high)]));
  const records: Read[] = [];
  const consumer = kafka.consumer({ groupId: randomUUID() });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await new Promise<void>((resolve, reject) => {
    const resolveWhenRead = (): void => {
      if ([...missing.values()].every((left) => left <= 0)) resolve();
    };
    resolveWhenRead();
    consumer
      .run({
        eachMessage: async ({ partition, message }) => {
          const { ce_id: id, ce_type: type } = message.headers ?? {};
          records.push({ key: String(message.key), id: String(id), type: String(type), partition });
          missing.set(partition, Number(missing.get(partition)) - 1);
          resolveWhenRead();
        },
      })
      .catch(reject);
  });
  await consumer.disconnect();
  return records;
}

/** A way to the broker on which its answers can be lost. */
interface Line {
  readonly port: number;
  bytesSent: number;
  isDeaf: boolean;
  readonly cut: () => void;
}

async function openLine(): Promise<Line> {
  const [host = '127.0.0.1', port] = String(brokers[0]).split(':');
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const broker = connect(Number(port), host);
    for (const socket of [client, broker]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        client.destroy();
        broker.destroy();
        sockets.delete(socket);
      });
    }
    client.on('data', (part) => {
      line.bytesSent += part.length;
      broker.write(part);
    });
    broker.on('data', (part) => {
      if (!line.isDeaf) client.write(part);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const line: Line = {
    port: typeof address === 'object' && address !== null ? address.port : 0,
    bytesSent: 0,
    isDeaf: false,
    cut: () => {
      for (const socket of sockets) socket.destroy();
    },
  };
  onTestFinished(() => {
    server.close();
    line.cut();
  });
  return line;
}

/** A client that goes to whatever broker it is told of over the line, and gives up soon. */
function kafkaOver(line: Line): Kafka {
  return new Kafka({
    clientId: 'test-line',
    brokers: [...brokers],
    requestTimeout: 700,
    retry: { retries: 1, initialRetryTime: 50 },
    logLevel: logLevel.NOTHING,
    socketFactory: ({ onConnect }) => connect(line.port, '127.0.0.1', onConnect),
  });
}

describe('createEventProducer()', () => {
  test('send() keeps the order of each key, when 2,000 sends are under way at once', async () => {
    const topic = await freshTopic(3);
    const producer = closing(createEventProducer(kafka));
    const keys = ['a-00', 'a-01', 'a-02', 'a-03', 'a-04'];
    const events = Array.from({ length: 2_000 }, (_, index) => eventOf(String(keys[index % 5]), index));
    await Promise.all(events.map((event) => producer.send(topic, [event])));
    const records = await readTopic(topic);
    expect(records).toHaveLength(2_000);
    for (const key of keys) {
      const ofKey = records.filter((record) => record.key === key);
      expect(ofKey.map(({ id }) => id)).toEqual(
        events.filter((event) => event.key === key).map(({ id }) => id),
      );
      expect(new Set(ofKey.map(({ partition }) => partition)).size).toBe(1);
    }
  });

  test('send() keeps the order of one call and acknowledges each topic, when topics are mixed', async () => {
    const topics = [await freshTopic(), await freshTopic()];
    const producer = closing(createEventProducer(kafka));
    await producer.connect();
    await Promise.all(
      topics.flatMap((topic) => [
        producer.send(topic, [eventOf('a', 1), eventOf('b', 2), eventOf('a', 3)]),
        producer.send(topic, []),
        producer.send(topic, [eventOf('b', 4)]),
      ]),
    );
    for (const topic of topics) {
      const records = await readTopic(topic);
      expect(records.map(({ id }) => id)).toEqual(['1:a:1', '1:b:2', '1:a:3', '1:b:4']);
      expect(records.every(({ type }) => type === 'io.kandle.test.v1')).toBe(true);
    }
  });

  test('send() is acknowledged, when more waits at once than a broker takes in one request', async () => {
    const topic = await freshTopic();
    const producer = closing(createEventProducer(kafka));
    const events = Array.from({ length: 150 }, (_, index) =>
      eventOf('a', index, randomBytes(20_000).toString('base64')),
    );
    await Promise.all(events.map((event) => producer.send(topic, [event])));
    expect((await readTopic(topic)).map(({ id }) => id)).toEqual(events.map(({ id }) => id));
  });

  test('send() compresses, when the data repeats itself', async () => {
    const topic = await freshTopic();
    const line = await openLine();
    const producer = closing(createEventProducer(kafkaOver(line)));
    await producer.connect();
    await producer.send(topic, [eventOf('a', 1, 'AAPL '.repeat(100_000))]);
    expect(line.bytesSent).toBeLessThan(50_000);
  });

  test('send() loses no later event, when the answer to an earlier one was lost', async () => {
    const topic = await freshTopic();
    const line = await openLine();
    const producer = closing(createEventProducer(kafkaOver(line)));
    await producer.send(topic, [eventOf('a', 1)]);
    line.isDeaf = true;
    await expect(producer.send(topic, [eventOf('a', 2)])).rejects.toThrow(RetryableError);
    line.isDeaf = false;
    line.cut();
    await producer.send(topic, [eventOf('a', 3)]);
    await producer.send(topic, [eventOf('a', 4)]);
    const ids = (await readTopic(topic)).map(({ id }) => id);
    // The second may be there or not, or late: its sender was told to send it again.
    expect(ids.filter((id) => id !== '1:a:2')).toEqual(['1:a:1', '1:a:3', '1:a:4']);
  });

  test('send() throws a RetryableError with its cause, when the port of the broker is closed', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    server.close();
    await once(server, 'close');
    const closedPort = typeof address === 'object' && address !== null ? address.port : 1;
    const away = createKafka(readEnv(KafkaEnv, { KAFKA_BROKERS: `127.0.0.1:${closedPort}` }), 'test', log);
    const producer = closing(createEventProducer(away));
    const sending = Promise.allSettled([
      producer.send('any', [eventOf('a', 1)]),
      producer.send('any', [eventOf('a', 2)]),
    ]);
    for (const settled of await sending) {
      expect(settled.status === 'rejected' ? settled.reason : undefined).toBeInstanceOf(RetryableError);
      expect(settled).toMatchObject({
        reason: {
          message: expect.stringMatching(/^Cannot produce to Kafka: /),
          cause: expect.objectContaining({ name: expect.stringContaining('KafkaJS') }),
        },
      });
    }
  });

  test('close() waits for what is under way, when it is called right after', async () => {
    const topic = await freshTopic();
    const producer = createEventProducer(kafka);
    const sent = producer.send(topic, [eventOf('a', 1)]);
    await producer.close();
    await expect(sent).resolves.toBeUndefined();
    expect(await readTopic(topic)).toHaveLength(1);
  });
});
