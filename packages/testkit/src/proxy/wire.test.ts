import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createCqlWire, isWindowClose, isWindowWrite } from './cql-wire.ts';
import { createKafkaWire } from './kafka-wire.ts';

/** A message of Cassandra's native protocol v4. */
function cql(operation: number, stream: number, body: Buffer): Buffer {
  const header = Buffer.alloc(9);
  header.writeUInt8(4, 0);
  header.writeInt16BE(stream, 2);
  header.writeUInt8(operation, 4);
  header.writeInt32BE(body.length, 5);
  return Buffer.concat([header, body]);
}

function longText(text: string): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(text.length);
  return Buffer.concat([length, Buffer.from(text)]);
}

/** The answer to a PREPARE: kind 4, then the id. */
const preparedAs = (id: string): Buffer => Buffer.concat([Buffer.from([0, 0, 0, 4, 0, 2]), Buffer.from(id)]);

/** The beginning of a batch of prepared statements, the first of this id. */
const batchOf = (id: string, count: number): Buffer =>
  Buffer.concat([Buffer.from([1, 0, count, 1, 0, 2]), Buffer.from(id), Buffer.alloc(30)]);

function kafka(api: number, correlation: number, client: string, body: Buffer): Buffer {
  const header = Buffer.alloc(14);
  header.writeInt32BE(10 + client.length + body.length, 0);
  header.writeInt16BE(api, 4);
  header.writeInt32BE(correlation, 8);
  header.writeInt16BE(client.length, 12);
  return Buffer.concat([header, Buffer.from(client), body]);
}

function kafkaAnswer(correlation: number, body: Buffer): Buffer {
  const header = Buffer.alloc(8);
  header.writeInt32BE(4 + body.length, 0);
  header.writeInt32BE(correlation, 4);
  return Buffer.concat([header, body]);
}

/** Cuts a stream at some of its places. */
function chunksOf(stream: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [0, ...cuts.map((cut) => cut % (stream.length + 1)), stream.length].toSorted(
    (a, b) => a - b,
  );
  return places.slice(1).map((to, n) => stream.subarray(places[n], to));
}

const cutLists = fc.array(fc.nat(), { maxLength: 12 });
const WINDOW = 'UPDATE windows SET version = ?, applied = ?, symbols = ? WHERE shard = ? IF version = ?';
const CLOSE = 'UPDATE windows SET version = ?, final_version = ? WHERE shard = ? IF version = ?';

describe('createCqlWire()', () => {
  test('knows a prepared batch by its first statement, on any connection, however the stream is cut', () => {
    fc.assert(
      fc.property(cutLists, cutLists, (requestCuts, answerCuts) => {
        const wire = createCqlWire();
        const first = wire.open(1);
        first.fromClient(cql(0x09, 3, longText(WINDOW)));
        first.fromServer(cql(0x08, 3, preparedAs('w1')));
        first.fromClient(cql(0x09, 4, longText(CLOSE)));
        first.fromServer(cql(0x08, 4, preparedAs('c1')));

        const second = wire.open(1);
        const requests = [
          cql(0x0d, 5, batchOf('w1', 4)),
          cql(0x05, 6, Buffer.alloc(0)),
          cql(0x0d, 7, batchOf('c1', 1)),
        ];
        const seen = chunksOf(Buffer.concat(requests), requestCuts).flatMap((chunk) =>
          second.fromClient(chunk),
        );
        expect(Buffer.concat(seen.map(({ bytes }) => bytes))).toEqual(Buffer.concat(requests));
        expect(seen.map(({ request }) => [isWindowWrite(request), isWindowClose(request)])).toEqual([
          [true, false],
          [false, false],
          [true, true],
        ]);
        // Answers come in any order, and an event in between answers nothing.
        const answers = [7, -1, 5].map((stream) => cql(0x08, stream, Buffer.from([0, 0, 0, 1])));
        const answered = chunksOf(Buffer.concat(answers), answerCuts).flatMap((chunk) =>
          second.fromServer(chunk),
        );
        expect(answered.map(({ request }) => request.statements)).toEqual([1, 0, 4]);
      }),
    );
  });
});

describe('createKafkaWire()', () => {
  test('knows an answer by its request, and puts the proxy in the place of the broker, however the stream is cut', () => {
    fc.assert(
      fc.property(cutLists, (cuts) => {
        const connection = createKafkaWire(9092).open(23_456);
        const requests = [
          kafka(3, 1, 'aggregate', Buffer.alloc(2)),
          kafka(0, 2, 'aggregate', Buffer.alloc(5)),
        ];
        const sent = chunksOf(Buffer.concat(requests), cuts).flatMap((chunk) => connection.fromClient(chunk));
        expect(sent.map(({ request }) => request)).toEqual([
          { what: 'Metadata', statements: 0, client: 'aggregate' },
          { what: 'Produce', statements: 0, client: 'aggregate' },
        ]);
        const address = Buffer.from('\0\t127.0.0.1\0\0\x23\x84', 'latin1');
        const answers = [kafkaAnswer(2, address), kafkaAnswer(1, address)];
        const got = chunksOf(Buffer.concat(answers), cuts).flatMap((chunk) => connection.fromServer(chunk));
        expect(got.map(({ request }) => request.what)).toEqual(['Produce', 'Metadata']);
        // Data is nobody's address.
        expect(got[0]?.bytes).toEqual(answers[0]);
        expect(got[1]?.bytes.readInt32BE(8 + 11)).toBe(23_456);
        expect(got[1]?.bytes.length).toBe(answers[1]?.length);
      }),
    );
  });
});
