import { describe, expect, test } from 'vitest';
import type { AvroEvents } from './avro/avro-events.ts';
import { FatalError, PoisonError, RetryableError } from './errors.ts';
import { asJsonRecord, parseRecordData, readRecordData } from './record-data.ts';

const AVRO = {
  headers: {
    'content-type': 'application/avro',
    ce_type: 'io.kandle.trades.v1',
    ce_dataschema: 'http://registry/schemas/ids/7',
    ce_backfilled: 'recording',
  },
  value: Buffer.from([0, 1, 2]),
};
const JSON_RECORD = { headers: { 'content-type': 'application/json' }, value: Buffer.from('{"a":1}') };

function avroWith(read: AvroEvents['read']): AvroEvents {
  return {
    read,
    isWritten: () => false,
    toMessages: () => Promise.resolve([]),
    warmUp: () => Promise.resolve(),
  };
}

describe('readRecordData()', () => {
  test('it reads each record as its own content type says', async () => {
    const asked: unknown[] = [];
    const avro = avroWith((...args) => {
      asked.push(args);
      return Promise.resolve({ b: 2 });
    });
    expect(await readRecordData(JSON_RECORD, avro)).toEqual({ a: 1 });
    expect(await readRecordData({ value: JSON_RECORD.value }, null)).toEqual({ a: 1 });
    expect(await readRecordData(AVRO, avro)).toEqual({ b: 2 });
    expect(asked).toEqual([['io.kandle.trades.v1', 'http://registry/schemas/ids/7', AVRO.value]]);
  });

  test('it ends the process, when there is Avro and no registry', async () => {
    await expect(readRecordData(AVRO, null)).rejects.toThrow(FatalError);
    await expect(parseRecordData(AVRO, null, String)).rejects.toThrow('SCHEMA_REGISTRY_URL is not set');
  });
});

describe('parseRecordData()', () => {
  test('it has null for what nobody can read, and throws while nothing can be said of it', async () => {
    const poison = avroWith(() => Promise.reject(new PoisonError('cut')));
    const away = avroWith(() => Promise.reject(new RetryableError('away')));
    const refuse = (): never => {
      throw new RangeError('none of mine');
    };
    expect(await parseRecordData(AVRO, poison, String)).toBeNull();
    expect(await parseRecordData({ value: Buffer.from('{') }, null, String)).toBeNull();
    expect(await parseRecordData(JSON_RECORD, null, refuse)).toBeNull();
    await expect(parseRecordData(AVRO, away, String)).rejects.toThrow('away');
  });
});

test('asJsonRecord() makes Avro a record that every reader of JSON takes, and leaves JSON as it is', async () => {
  const avro = avroWith(() => Promise.resolve({ b: 2 }));
  expect(await asJsonRecord(JSON_RECORD, avro)).toBe(JSON_RECORD);
  const record = await asJsonRecord({ ...AVRO, partition: 3 }, avro);
  expect(record).toEqual({
    partition: 3,
    headers: {
      'content-type': Buffer.from('application/json'),
      ce_type: 'io.kandle.trades.v1',
      ce_backfilled: 'recording',
    },
    value: Buffer.from('{"b":2}'),
  });
  expect(await readRecordData(record, null)).toEqual({ b: 2 });
});
