import { createRequire } from 'node:module';
import { types } from 'cassandra-driver';
import * as fc from 'fast-check';
import { expect, test } from 'vitest';

/**
 * `patches/cassandra-driver+4.10.0.patch` writes a request into one buffer, and the usual values of a batch
 * straight into it; the driver has a buffer for each number and each value.
 */
interface FrameWriter {
  writeByte(value: number): void;
  writeShort(value: number): void;
  writeInt(value: number): void;
  writeBytes(value: Buffer | null): void;
  writeShortBytes(value: Buffer): void;
  writeString(value: string): void;
  writeLString(value: string): void;
  /** @returns False where the encoder must do it. */
  writeValue(value: unknown, type: ColumnType): boolean;
  write(version: number, streamId: number, flags?: number): Buffer;
}
interface ColumnType {
  readonly code: number;
}
const require = createRequire(import.meta.url);
const Encoder = require('cassandra-driver/lib/encoder.js') as new (
  version: number,
  options: object,
) => { encode(value: unknown, type: ColumnType): Buffer };
const { FrameWriter } = require('cassandra-driver/lib/writers.js') as {
  FrameWriter: new (opcode: number) => FrameWriter;
};

const BATCH = 0x0d;
const number = (value: number, bytes: number): Buffer => {
  const buffer = Buffer.alloc(bytes);
  buffer.writeIntBE(value, 0, bytes);
  return buffer;
};
const texts = fc.string({ unit: 'binary', maxLength: 300 });

/** What is written, and the bytes that the native protocol says it is. */
const parts = fc.oneof(
  texts.map((text) => {
    const bytes = Buffer.from(text);
    return { write: (to: FrameWriter) => to.writeLString(text), bytes: [number(bytes.length, 4), bytes] };
  }),
  texts.map((text) => {
    const bytes = Buffer.from(text);
    return { write: (to: FrameWriter) => to.writeString(text), bytes: [number(bytes.length, 2), bytes] };
  }),
  fc.uint8Array({ maxLength: 300 }).map((array) => {
    const bytes = Buffer.from(array);
    return { write: (to: FrameWriter) => to.writeBytes(bytes), bytes: [number(bytes.length, 4), bytes] };
  }),
  fc.uint8Array({ maxLength: 300 }).map((array) => {
    const bytes = Buffer.from(array);
    return { write: (to: FrameWriter) => to.writeShortBytes(bytes), bytes: [number(bytes.length, 2), bytes] };
  }),
  fc.constant({ write: (to: FrameWriter) => to.writeBytes(null), bytes: [number(-1, 4)] }),
  fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }).map((value) => ({
    write: (to: FrameWriter) => to.writeInt(value),
    bytes: [number(value, 4)],
  })),
  fc.integer({ min: 0, max: 127 }).map((value) => ({
    write: (to: FrameWriter) => to.writeByte(value),
    bytes: [number(value, 1)],
  })),
);

test('a frame of the driver is what the native protocol says, and one buffer, when it has any parts', () => {
  fc.assert(
    fc.property(fc.array(parts, { maxLength: 40 }), fc.integer({ min: 0, max: 32_767 }), (some, streamId) => {
      const writer = new FrameWriter(BATCH);
      for (const { write } of some) write(writer);
      const body = Buffer.concat(some.flatMap(({ bytes }) => bytes));
      const header = [
        number(4, 1),
        number(0, 1),
        number(streamId, 2),
        number(BATCH, 1),
        number(body.length, 4),
      ];
      expect(writer.write(4, streamId).equals(Buffer.concat([...header, body]))).toBe(true);
      // As the driver is published, it keeps a list of buffers.
      expect(writer).not.toHaveProperty('buffers');
    }),
  );
});

const { text, varchar, ascii, timestamp, double, bigint, int, boolean } = types.dataTypes;
const values = fc.oneof(
  fc.record({ value: texts, code: fc.constantFrom(text, varchar) }),
  fc.record({ value: fc.string({ maxLength: 40 }), code: fc.constant(ascii) }),
  fc.record({ value: fc.maxSafeInteger(), code: fc.constant(timestamp) }),
  fc.record({ value: fc.double(), code: fc.constant(double) }),
  fc.record({ value: fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), code: fc.constant(bigint) }),
  fc.record({ value: fc.integer(), code: fc.constantFrom(int, double) }),
  fc.record({ value: fc.boolean(), code: fc.constant(boolean) }),
);

test('a value written into a frame has the bytes of the encoder, when it is of any of our types', () => {
  const encoder = new Encoder(4, { encoding: { useBigIntAsLong: true } });
  const direct = new Set<number>();
  fc.assert(
    fc.property(values, ({ value, code }) => {
      const [written, encoded] = [new FrameWriter(BATCH), new FrameWriter(BATCH)];
      encoded.writeBytes(encoder.encode(value, { code }));
      if (!written.writeValue(value, { code })) return;
      direct.add(code);
      expect(written.write(4, 1).equals(encoded.write(4, 1))).toBe(true);
    }),
    { numRuns: 1_000 },
  );
  expect(direct).toEqual(new Set([text, varchar, timestamp, double, bigint, int, boolean]));
});
