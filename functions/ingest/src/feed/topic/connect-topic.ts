import { randomUUID } from 'node:crypto';
import { parseTopicRecord } from '@kandle/market/feed/ndjson/topic-record';
import { createKafka, KafkaEnv } from '@kandle/runtime/kafka';
import { readSecret } from '@kandle/runtime/secret';
import type { IngestConfig } from '../../config.ts';
import type { Feed, FeedHandlers, FeedParts } from '../feed.ts';
import { createRecordReader } from './record-reader.ts';
import { createTopicFeed } from './topic-feed.ts';

/**
 * A feed of a topic of Kafka, as the configuration asks for it: `kafka:///TOPIC` is one of our own Kafka, and
 * `kafka://HOST:PORT/TOPIC` of another one, without TLS and a login.
 *
 * @throws {FatalError} If the schema's file cannot be read.
 */
export function connectTopic(config: IngestConfig, handlers: FeedHandlers, parts: FeedParts): Feed {
  const { host, pathname } = new URL(config.FEED_URL);
  // Two of one group would share the topic between them.
  const reader = parts.isAllSent === null ? `record-${randomUUID()}` : 'topic';
  const { TOPIC_SCHEMA_FILE: file } = config;
  const schema = file === undefined ? null : readSecret(file, 'TOPIC_SCHEMA_FILE');
  const settings = host === '' ? config : KafkaEnv.parse({ KAFKA_BROKERS: host });
  return createTopicFeed(
    {
      kafka: createKafka(settings, 'ingest-feed', parts.log),
      topic: pathname.slice(1),
      group: `kandle-ingest-${config.FEED}-${reader}`,
      from: config.TOPIC_FROM,
      createReader: () => createRecordReader(schema, config),
      parse: (text, place) => parseTopicRecord(text, config.NDJSON_MAPPING, place),
      isAllSent: parts.isAllSent,
      retryMinMs: config.RECONNECT_MIN_MS,
      retryMaxMs: config.RECONNECT_MAX_MS,
      log: parts.log,
    },
    handlers,
  );
}
