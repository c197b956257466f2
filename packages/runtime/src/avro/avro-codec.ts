import { AVRO_SCHEMAS, type AvroRecord } from '@kandle/market/avro/schemas';
import type { Schema, Type } from 'avsc';
import types from 'avsc/lib/types.js';
import { LRUCache } from 'lru-cache';
import { describeError, PoisonError } from '../errors.ts';
import { type Conversion, conversionOf } from './conversion.ts';

/** Writes and reads the data of events as Avro. */
export interface AvroCodec {
  /** @throws {Error} If the data is not what the schema of the type says: that is ours to mend. */
  encode(type: string, data: unknown): Buffer;
  /**
   * The data of an event, as JSON would have them.
   *
   * @param readSchema Asked for the text of the writer's schema where it is not known; null if there is none.
   * @throws {PoisonError} If there is no such schema, or the data cannot be read by it.
   */
  decode(
    type: string,
    schemaId: number,
    data: Buffer,
    readSchema: (id: number) => Promise<string | null>,
  ): Promise<unknown>;
}

interface Form {
  readonly type: Type;
  readonly conversion: Conversion | null;
}

type Decoder = (data: Buffer) => unknown;

/** Most schemas of writers that are remembered, a few KB each. */
const MAX_SCHEMAS = 64;
/** Anew for each schema: the library keeps the names of types in it. */
const options = () => ({ omitRecordMethods: true });

/** A codec for all events, by the schemas of the market package unless a test brings its own. */
export function createAvroCodec(schemas: ReadonlyMap<string, AvroRecord> = AVRO_SCHEMAS): AvroCodec {
  const forms = new Map<string, Form>();
  const decoders = new LRUCache<string, Promise<Decoder>>({ max: MAX_SCHEMAS });

  /** Made when it is first used: a function has three or four of them. */
  function formOf(type: string): Form | null {
    const schema = schemas.get(type);
    if (schema === undefined) return null;
    let form = forms.get(type);
    if (form === undefined) {
      form = { type: types.Type.forSchema(asSchema(schema), options()), conversion: conversionOf(schema) };
      forms.set(type, form);
    }
    return form;
  }

  async function makeDecoder(
    type: string,
    schemaId: number,
    readSchema: (id: number) => Promise<string | null>,
  ): Promise<Decoder> {
    const facts = { schemaId };
    const form = formOf(type);
    if (form === null) throw new PoisonError(`Cannot read the event: ${type} has no Avro schema`, { facts });
    const text = await readSchema(schemaId);
    if (text === null)
      throw new PoisonError(`Cannot read the event: the schema registry knows no schema ${schemaId}`, {
        facts,
      });
    try {
      const writer = types.Type.forSchema(JSON.parse(text), options());
      const resolver = form.type.equals(writer) ? undefined : form.type.createResolver(writer);
      const { conversion } = form;
      return (data) => {
        const value: unknown = form.type.fromBuffer(data, resolver);
        return conversion === null ? value : conversion.read(value);
      };
    } catch (error) {
      throw new PoisonError(
        `Cannot read the event: schema ${schemaId} is not one of ${type}: ${describeError(error)}`,
        { cause: error, facts },
      );
    }
  }

  return {
    encode(type, data) {
      const form = formOf(type);
      if (form === null) throw new RangeError(`Cannot write an event as Avro: ${type} has no schema`);
      return form.type.toBuffer(form.conversion === null ? data : form.conversion.write(data));
    },
    async decode(type, schemaId, data, readSchema) {
      const key = `${schemaId} ${type}`;
      let making = decoders.get(key);
      if (making === undefined) {
        making = makeDecoder(type, schemaId, readSchema);
        decoders.set(key, making);
        // What failed is asked for again: the registry may have been away, or may have it by then.
        making.catch(() => decoders.delete(key));
      }
      const decoder = await making;
      try {
        return decoder(data);
      } catch (error) {
        if (error instanceof PoisonError) throw error;
        throw new PoisonError(
          `Cannot read the event: its data are not what schema ${schemaId} says: ${describeError(error)}`,
          { cause: error, facts: { schemaId } },
        );
      }
    },
  };
}

/** Our own type of a schema has read-only lists, and that of the library has not. */
function asSchema(schema: AvroRecord): Schema {
  return JSON.parse(JSON.stringify(schema));
}
