import { AVRO_SCHEMAS, type AvroRecord } from '@kandle/market/avro/schemas';
import type { MarketEvent } from '@kandle/market/event/market-event';
import type { Message } from 'kafkajs';
import { FatalError, PoisonError } from '../errors.ts';
import { toAvroMessage, toKafkaMessage } from '../kafka-message.ts';
import type { AvroSettings } from './avro-env.ts';
import { frameOf, namedSchema, PREFIX_BYTES } from './framing.ts';
import { createSchemaRegistry } from './schema-registry.ts';

/** Reads and writes events as Avro, with the schemas of a registry. */
export interface AvroEvents {
  /** True if the events of a topic are written as Avro. */
  isWritten(topic: string): boolean;
  /**
   * The Kafka records of events, in their order; one that has no schema stays JSON.
   *
   * @throws {RetryableError} If the registry is away, or does not hold the schema.
   */
  toMessages(events: readonly MarketEvent[]): Promise<Message[]>;
  /**
   * The data of an event, as JSON would have them.
   *
   * @param dataschema The event's attribute; without it five bytes before the data name the schema.
   * @throws {RetryableError} If the registry is away.
   * @throws {PoisonError} If it knows no such schema, or the data cannot be read by it.
   */
  read(type: string, dataschema: string | undefined, body: Uint8Array): Promise<unknown>;
  /** Loads ahead what reading and writing need. */
  warmUp(): Promise<void>;
}

/**
 * Avro as the settings have it; null where there is no registry.
 *
 * @param schemas Those of the events; tests bring others.
 * @throws {FatalError} If topics are to be Avro, and there is no registry.
 */
export function createAvroEvents(
  settings: AvroSettings,
  schemas: ReadonlyMap<string, AvroRecord> = AVRO_SCHEMAS,
): AvroEvents | null {
  const { SCHEMA_REGISTRY_URL: url, AVRO_TOPICS: topics = [], AVRO_FRAMING: framing } = settings;
  if (url === undefined) {
    if (topics.length > 0) throw new FatalError('Cannot start: AVRO_TOPICS needs SCHEMA_REGISTRY_URL');
    return null;
  }
  const registry = createSchemaRegistry(url, settings);
  const written = new Set(topics);
  const ids = new Map<string, Promise<number>>();
  let codec: Promise<ReturnType<typeof import('./avro-codec.ts')['createAvroCodec']>> | null = null;

  /** Loaded when the first event needs it: where all is JSON, no function is slower for it. */
  function loadCodec() {
    codec ??= import('./avro-codec.ts').then(({ createAvroCodec }) => createAvroCodec(schemas));
    return codec;
  }

  function idOf(type: string, schema: AvroRecord): Promise<number> {
    let asking = ids.get(type);
    if (asking === undefined) {
      asking = registry.readId(schema);
      ids.set(type, asking);
      asking.catch(() => ids.delete(type));
    }
    return asking;
  }

  return {
    isWritten: (topic) => written.has(topic),
    async toMessages(events) {
      const { encode } = await loadCodec();
      const messages: Message[] = [];
      for (const event of events) {
        const schema = schemas.get(event.type);
        if (schema === undefined) {
          messages.push(toKafkaMessage(event));
          continue;
        }
        const frame = frameOf(framing, url, await idOf(event.type, schema));
        const data = encode(event.type, event.data);
        const value = frame.prefix === undefined ? data : Buffer.concat([frame.prefix, data]);
        messages.push(toAvroMessage(event, { value, dataschema: frame.dataschema }));
      }
      return messages;
    },
    async read(type, dataschema, body) {
      const data = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
      const id = namedSchema(dataschema, data);
      if (id === null) throw new PoisonError('Cannot read the event: its Avro names no schema of a registry');
      const { decode } = await loadCodec();
      const avro = dataschema === undefined ? data.subarray(PREFIX_BYTES) : data;
      return decode(type, id, avro, (unknown) => registry.readSchema(unknown));
    },
    async warmUp() {
      await loadCodec();
    },
  };
}
