import { isAvroType } from '@kandle/runtime/envelope';
import { FatalError, PoisonError } from '@kandle/runtime/errors';
import type { ForeignReader } from '@kandle/runtime/avro/foreign-reader';
import { namedSchema, PREFIX_BYTES } from '@kandle/runtime/avro/framing';
import { createSchemaRegistry } from '@kandle/runtime/avro/schema-registry';
import type { EventRecord } from '@kandle/runtime/record-data';
import type { IngestConfig } from '../../config.ts';

/** Reads the records of somebody else's topic: JSON, or Avro as JSON. */
export interface RecordReader {
  /**
   * The text of JSON that a record is.
   *
   * @throws {PoisonError} If nobody can read it; it says why.
   * @throws {RetryableError} If the schema registry is away.
   */
  read(record: EventRecord): Promise<string>;
}

/** Schemas of writers that are remembered: a topic has a handful. */
const MAX_SCHEMAS = 64;

/**
 * A reader. With a schema every record is Avro of it, and nothing before the data. Without one, five bytes
 * before the data or the header `ce_dataschema` name the schema of a registry; everything else is JSON.
 *
 * @param schema Text of `TOPIC_SCHEMA_FILE`; null without it.
 * @throws {FatalError} If it is no schema.
 */
export async function createRecordReader(schema: string | null, config: IngestConfig): Promise<RecordReader> {
  if (schema !== null) {
    const { createForeignReader } = await import('@kandle/runtime/avro/foreign-reader');
    try {
      const reader = createForeignReader(schema);
      return { read: async ({ value }) => textOf(reader, value ?? Buffer.alloc(0), 'TOPIC_SCHEMA_FILE') };
    } catch (error) {
      throw new FatalError('Cannot read the topic: the file of TOPIC_SCHEMA_FILE is no Avro schema', {
        cause: error,
      });
    }
  }
  const { SCHEMA_REGISTRY_URL: url } = config;
  const registry = url === undefined ? null : createSchemaRegistry(url, config);
  const readers = new Map<number, ForeignReader>();

  async function readerOf(id: number): Promise<ForeignReader> {
    const known = readers.get(id);
    if (known !== undefined) return known;
    if (registry === null)
      throw new FatalError('Cannot read the topic: it holds Avro, and SCHEMA_REGISTRY_URL is not set');
    const text = await registry.readSchema(id);
    if (text === null) throw new PoisonError(`the schema registry knows no schema ${id}`);
    const { createForeignReader } = await import('@kandle/runtime/avro/foreign-reader');
    let reader: ForeignReader;
    try {
      reader = createForeignReader(text);
    } catch (error) {
      throw new PoisonError(`schema ${id} cannot be used`, { cause: error });
    }
    if (readers.size >= MAX_SCHEMAS) readers.clear();
    readers.set(id, reader);
    return reader;
  }

  return {
    async read({ headers, value }) {
      const data = value ?? Buffer.alloc(0);
      const isAvro = data[0] === 0 || (headers !== undefined && isAvroType(headers['content-type']));
      if (!isAvro) return data.toString('utf8');
      const dataschema = headers?.['ce_dataschema']?.toString();
      const id = namedSchema(dataschema, data);
      if (id === null) throw new PoisonError('Avro that names no schema of a registry');
      return textOf(
        await readerOf(id),
        dataschema === undefined ? data.subarray(PREFIX_BYTES) : data,
        `schema ${id}`,
      );
    },
  };
}

function textOf(reader: ForeignReader, data: Buffer, schema: string): string {
  try {
    return JSON.stringify(reader(data));
  } catch (error) {
    throw new PoisonError(`its data are not what ${schema} says`, { cause: error });
  }
}
