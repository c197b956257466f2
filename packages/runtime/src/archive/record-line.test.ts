import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type ArchivedRecord, formatRecordLine, parseRecordLine } from './record-line.ts';

const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 20 }).map((array) => Buffer.from(array)),
  fc.string({ unit: 'binary', maxLength: 20 }).map((text) => Buffer.from(text, 'utf8')),
);
const records: fc.Arbitrary<ArchivedRecord> = fc.record({
  offset: fc.bigInt({ min: 0n, max: 2n ** 62n }),
  timestampMs: fc.integer({ min: 0, max: 4_000_000_000_000 }),
  key: fc.option(bytes),
  headers: fc.dictionary(fc.string({ minLength: 1, maxLength: 8 }), bytes, { noNullPrototype: true }),
  value: fc.option(bytes),
});

test('parseRecordLine() gives back every byte of what formatRecordLine() wrote, text or not', () => {
  fc.assert(
    fc.property(records, (record) => {
      const line = formatRecordLine(record);
      expect(line.indexOf('\n')).toBe(line.length - 1);
      expect(parseRecordLine(line)).toEqual(record);
    }),
  );
});
