import type { IHeaders } from 'kafkajs';
import type { AvroEvents } from './avro/avro-events.ts';
import { isAvroType } from './envelope.ts';
import { PoisonError } from './errors.ts';
import { parseEventData } from './received-event.ts';

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
 * A record with its data as JSON, whatever they are in the topic: for readers of whom nobody waits.
 *
 * @throws {PoisonError} If it is Avro that cannot be read.
 * @throws {RetryableError} If it is Avro, and the registry is away.
 */
export async function asJsonRecord<T extends EventRecord>(record: T, avro: AvroEvents | null): Promise<T> {
  if (!isAvroRecord(record)) return record;
  return { ...record, value: Buffer.from(JSON.stringify(await readRecordData(record, avro))) };
}

/**
 * The data of an event as it stands in a topic: JSON, or Avro by the registry's schemas.
 *
 * @throws {PoisonError} If it cannot be read.
 * @throws {RetryableError} If it is Avro, and the registry is away.
 */
export async function readRecordData(record: EventRecord, avro: AvroEvents | null): Promise<unknown> {
  const value = record.value ?? new Uint8Array();
  if (!isAvroRecord(record)) return parseEventData(value);
  if (avro === null)
    throw new PoisonError('Cannot read the event: its data are Avro, and there is no schema registry');
  const [type, dataschema] = [record.headers?.['ce_type'], record.headers?.['ce_dataschema']];
  return avro.read(String(type), dataschema === undefined ? undefined : String(dataschema), value);
}
