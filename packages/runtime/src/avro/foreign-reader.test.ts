import avsc from 'avsc';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { createForeignReader } from './foreign-reader.ts';

const read = (schema: unknown, data: Buffer): unknown =>
  JSON.parse(JSON.stringify(createForeignReader(JSON.stringify(schema))(data)));

const TRADE = {
  type: 'record',
  name: 'trade',
  fields: [
    { name: 'symbol', type: 'string' },
    { name: 'price', type: 'double' },
    { name: 'volume', type: ['null', 'double'], default: null },
    { name: 'trade_timestamp', type: { type: 'long', logicalType: 'timestamp-millis' } },
  ],
};

test('createForeignReader() has the fields as JSON would, when the schema is anybody’s', () => {
  const trade = { symbol: '币安', price: 61_837.63, volume: 0.5, trade_timestamp: 1_700_000_000_001 };
  const type = avsc.Type.forSchema(JSON.parse(JSON.stringify(TRADE)));
  expect(read(TRADE, type.toBuffer(trade))).toEqual(trade);
  const list = {
    type: 'record',
    name: 'message',
    fields: [{ name: 'data', type: { type: 'array', items: TRADE } }],
  };
  const message = avsc.Type.forSchema(JSON.parse(JSON.stringify(list)));
  const data = [trade, { ...trade, volume: null }];
  expect(read(list, message.toBuffer({ data }))).toEqual({ data });
});

/** A long as Avro spells it. */
function longBytes(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  return Buffer.from([...bytes, Number(rest)]);
}

test('createForeignReader() keeps every long exactly, when it is beyond a double', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) => {
      const got = read('long', longBytes(value));
      expect(BigInt(got as string | number)).toBe(value);
      expect(typeof got).toBe(Number.isSafeInteger(Number(value)) ? 'number' : 'string');
    }),
  );
});

test('createForeignReader() has a decimal as its exact text', () => {
  const schema = { type: 'bytes', logicalType: 'decimal', precision: 38, scale: 8 };
  const bytes = avsc.Type.forSchema('bytes');
  fc.assert(
    fc.property(fc.bigInt({ min: -(10n ** 37n), max: 10n ** 37n }), (value) => {
      const unsigned = BigInt.asUintN(128, value).toString(16).padStart(32, '0');
      const text = String(read(schema, bytes.toBuffer(Buffer.from(unsigned, 'hex'))));
      const [whole = '', part = ''] = text.split('.');
      expect(part).toHaveLength(8);
      expect(BigInt(whole + part)).toBe(value);
    }),
  );
  expect(read(schema, bytes.toBuffer(Buffer.from([0xff])))).toBe('-0.00000001');
});

test('createForeignReader() throws, when the data are of another schema or no schema is one', () => {
  const trade = createForeignReader(JSON.stringify(TRADE));
  for (const noise of [[], [200], [2, 65, 0, 0], Array.from({ length: 40 }, () => 255)])
    expect(() => trade(Buffer.from(noise))).toThrow();
  expect(() => createForeignReader('{"type":"nothing"}')).toThrow();
  expect(() => createForeignReader('{')).toThrow();
});
