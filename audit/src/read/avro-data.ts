import { EVENT_TYPES } from '@kandle/market/event/topics';
import type { AvroSettings } from '@kandle/runtime/avro/avro-env';
import { createSchemaRegistry } from '@kandle/runtime/avro/schema-registry';
import avsc, { type Type } from 'avsc';
import type { TopicReader } from './topic-reader.ts';

/** Reads events that are Avro, by a registry's schemas and nothing of what the functions read them with. */
export interface AvroReader {
  /**
   * The same data as JSON; null if they cannot be read.
   *
   * @param dataschema The event's attribute; without it, five bytes before the data name the schema.
   * @throws {RetryableError} If the registry is away.
   */
  toJson(
    type: string | undefined,
    dataschema: string | undefined,
    data: Uint8Array,
  ): Promise<Uint8Array | null>;
}

/**
 * A reader whose events have JSON data, whatever they are in the topic or the archive. What cannot be read is
 * handed over as it is: nobody else can read it either.
 *
 * Reading throws a RangeError if something is Avro, and no registry is configured.
 */
export function asJson(reader: TopicReader, avro: AvroReader | null): TopicReader {
  return {
    read: (range, take) =>
      reader.read(range, (event) => {
        if (!/^application\/avro\s*(;|$)/i.test(event.contentType ?? '')) return take(event);
        if (avro === null)
          throw new RangeError(
            'Cannot audit: there are events that are Avro, and SCHEMA_REGISTRY_URL is not set',
          );
        const { type, dataschema } = event.attributes;
        return avro.toJson(type, dataschema, event.value).then(async (value) => {
          await take({ ...event, value: value ?? event.value });
        });
      }),
    close: () => reader.close(),
  };
}

type Fields = Readonly<Record<string, unknown>>;

/** A reader; null where there is no registry. */
export function createAvroReader(settings: AvroSettings): AvroReader | null {
  const { SCHEMA_REGISTRY_URL: url } = settings;
  if (url === undefined) return null;
  const registry = createSchemaRegistry(url, settings);
  /** One for each schema that a log has, which are a handful. */
  const writers = new Map<number, Type | null>();

  async function writerOf(id: number): Promise<Type | null> {
    const known = writers.get(id);
    if (known !== undefined) return known;
    const text = await registry.readSchema(id);
    const writer = text === null ? null : avsc.Type.forSchema(JSON.parse(text));
    writers.set(id, writer);
    return writer;
  }

  return {
    async toJson(type, dataschema, bytes) {
      const data = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const id = dataschema === undefined ? idBefore(data) : Number(dataschema.split('/').at(-1));
      if (id === null || !Number.isSafeInteger(id)) return null;
      const writer = await writerOf(id);
      if (writer === null) return null;
      try {
        const value = writer.fromBuffer(dataschema === undefined ? data.subarray(5) : data) as Fields;
        return Buffer.from(JSON.stringify(plain(type, value)));
      } catch {
        return null;
      }
    },
  };
}

function idBefore(data: Buffer): number | null {
  return data.length < 5 || data[0] !== 0 ? null : data.readUInt32BE(1);
}

/** What a schema says by null, JSON says by leaving it out; a feed's record is a text of JSON. */
function plain(type: string | undefined, value: Fields): Fields {
  switch (type) {
    case EVENT_TYPES.rawTrades:
    case EVENT_TYPES.rawBooks:
    case EVENT_TYPES.rawNews: {
      const records = (value['records'] as readonly Fields[]).map(({ id, record, delayMs }) => ({
        id,
        record: JSON.parse(String(record)),
        delayMs: delayMs ?? undefined,
      }));
      return { format: value['format'] ?? undefined, rules: value['rules'] ?? undefined, records };
    }
    case EVENT_TYPES.candles: {
      const candles = (value['candles'] as readonly Fields[]).map(({ rank, ...candle }) => ({
        ...candle,
        rank: rank ?? undefined,
      }));
      return { ...value, sampled: value['sampled'] ?? undefined, candles };
    }
    default:
      return { ...value, sampled: value['sampled'] ?? undefined, backfill: value['backfill'] ?? undefined };
  }
}
