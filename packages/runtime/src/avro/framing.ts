import type { AvroSettings } from './avro-env.ts';

/** How a record names the schema of its data. */
export interface Frame {
  /** The event's attribute. */
  readonly dataschema?: string;
  /** Bytes before the data. */
  readonly prefix?: Buffer;
}

/** A zero, and the id of the schema as four bytes. */
export const PREFIX_BYTES = 5;

/** How a schema of a registry is named, in either of the two ways. */
export function frameOf(framing: AvroSettings['AVRO_FRAMING'], registryUrl: string, id: number): Frame {
  if (framing === 'dataschema') return { dataschema: `${registryUrl}/schemas/ids/${id}` };
  const prefix = Buffer.alloc(PREFIX_BYTES);
  prefix.writeUInt32BE(id, 1);
  return { prefix };
}

/**
 * The id of the schema that an event names, null if it names none. Of the address only the id is taken: the
 * registry asked is always our own, whatever an event says, and may have another name for whoever wrote it.
 */
export function namedSchema(dataschema: string | undefined, data: Buffer): number | null {
  if (dataschema === undefined) {
    return data.length >= PREFIX_BYTES && data[0] === 0 ? data.readUInt32BE(1) : null;
  }
  const [, id] = /\/schemas\/ids\/(\d{1,10})$/.exec(dataschema) ?? [];
  return id === undefined ? null : Number(id);
}
