import type { IHeaders } from 'kafkajs';
import type { AvroEvents } from './avro/avro-events.ts';
import { isAvroType } from './envelope.ts';
import { FatalError, RetryableError } from './errors.ts';
import { parseEventData } from './received-event.ts';

/*
 * How everybody reads an event out of a topic who is not handed it by a KafkaSource: by the content type that
 * stands at the record itself, for a topic may hold JSON and Avro.
 */

/** An event as it stands in a topic. */
export interface EventRecord {
  readonly headers?: IHeaders | undefined;
  readonly value: Buffer | null;
}

/** True if an event's data are Avro. */
export function isAvroRecord({ headers }: EventRecord): boolean {
  return headers !== undefined && isAvroType(headers['content-type']);
}

/**
 * The data of an event as it stands in a topic: JSON, or Avro by the registry's schemas.
 *
 * @throws {PoisonError} If it cannot be read.
 * @throws {RetryableError} If it is Avro, and the registry is away.
 * @throws {FatalError} If it is Avro, and no registry is configured.
 */
export async function readRecordData(record: EventRecord, avro: AvroEvents | null): Promise<unknown> {
  const value = record.value ?? new Uint8Array();
  if (!isAvroRecord(record)) return parseEventData(value);
  if (avro === null)
    throw new FatalError('Cannot read an event: its data are Avro, and SCHEMA_REGISTRY_URL is not set');
  const [type, dataschema] = [record.headers?.['ce_type'], record.headers?.['ce_dataschema']];
  return avro.read(String(type), dataschema === undefined ? undefined : String(dataschema), value);
}

/**
 * What `parse` makes of an event's data; null if they cannot be read, or it does not take them.
 *
 * @throws {RetryableError | FatalError} As {@link readRecordData}: then nothing can be said of the event.
 */
export async function parseRecordData<T>(
  record: EventRecord,
  avro: AvroEvents | null,
  parse: (data: unknown) => T,
): Promise<T | null> {
  try {
    return parse(await readRecordData(record, avro));
  } catch (error) {
    if (error instanceof RetryableError || error instanceof FatalError) throw error;
    return null;
  }
}

/**
 * A record with its data as JSON, and a content type that says so, whatever they are in the topic.
 *
 * @throws As {@link readRecordData}, if it is Avro.
 */
export async function asJsonRecord<T extends EventRecord>(record: T, avro: AvroEvents | null): Promise<T> {
  if (!isAvroRecord(record)) return record;
  const { ce_dataschema: _, ...headers } = record.headers ?? {};
  return {
    ...record,
    headers: { ...headers, 'content-type': Buffer.from('application/json') },
    value: Buffer.from(JSON.stringify(await readRecordData(record, avro))),
  };
}
