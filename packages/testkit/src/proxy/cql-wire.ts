import { createSplitter, type Frame, UNKNOWN, type Wire, type WireRequest } from './wire.ts';

/**
 * Version, flags, stream (2 bytes), operation, length (4 bytes): the native protocol up to v4, which our driver
 * speaks.
 */
const HEADER_BYTES = 9;
const OPERATIONS: ReadonlyMap<number, string> = new Map([
  [0x01, 'STARTUP'],
  [0x05, 'OPTIONS'],
  [0x07, 'QUERY'],
  [0x09, 'PREPARE'],
  [0x0a, 'EXECUTE'],
  [0x0b, 'REGISTER'],
  [0x0d, 'BATCH'],
]);
const RESULT = 0x08;
const PREPARED = 4;
const WARNING_FLAG = 0x08;

/** True for the conditional write that merges trades into a window, or closes one. */
export function isWindowWrite({ what }: WireRequest): boolean {
  return what.startsWith('UPDATE windows SET version') && what.includes(' IF version');
}

/** True for the conditional write that closes a window: it changes no symbol's row. */
export function isWindowClose(request: WireRequest): boolean {
  return isWindowWrite(request) && !request.what.includes('symbols = ?');
}

/**
 * Cassandra's native protocol. Statements are known by their text, prepared ones too, on whatever connection of
 * this proxy they were prepared.
 */
export function createCqlWire(): Wire {
  /** Text of each prepared statement, by its id in hexadecimal. */
  const prepared = new Map<string, string>();

  function requestOf(bytes: Buffer): WireRequest {
    const operation = OPERATIONS.get(bytes.readUInt8(4)) ?? 'unknown';
    const body = bytes.subarray(HEADER_BYTES);
    const named = (text: string | undefined, statements: number): WireRequest => ({
      what: text ?? operation,
      statements,
      client: '',
    });
    if (operation === 'QUERY') return named(longText(body), 1);
    if (operation === 'PREPARE') return named(`PREPARE ${longText(body)}`, 0);
    if (operation === 'EXECUTE') return named(prepared.get(shortHex(body)), 1);
    if (operation !== 'BATCH') return named(undefined, 0);
    const statements = body.readUInt16BE(1);
    const first = body.subarray(4);
    return named(body.readUInt8(3) === 0 ? longText(first) : prepared.get(shortHex(first)), statements);
  }

  return {
    open() {
      const splitClient = createSplitter(HEADER_BYTES, lengthOf);
      const splitServer = createSplitter(HEADER_BYTES, lengthOf);
      const underWay = new Map<number, WireRequest>();

      return {
        fromClient: (chunk) =>
          splitClient(chunk).map((bytes): Frame => {
            const request = requestOf(bytes);
            underWay.set(bytes.readInt16BE(2), request);
            return { from: 'client', request, bytes };
          }),
        fromServer: (chunk) =>
          splitServer(chunk).map((bytes): Frame => {
            const stream = bytes.readInt16BE(2);
            // Events have stream -1 and answer nothing.
            const request = underWay.get(stream) ?? UNKNOWN;
            underWay.delete(stream);
            const body = afterWarnings(bytes);
            if (bytes.readUInt8(4) === RESULT && body.readInt32BE(0) === PREPARED)
              prepared.set(shortHex(body.subarray(4)), request.what.replace(/^PREPARE /, ''));
            return { from: 'server', request, bytes };
          }),
      };
    },
  };
}

/**
 * The body of an answer. Cassandra 5 warns of prepared statements without a keyspace's name, before the body.
 */
function afterWarnings(bytes: Buffer): Buffer {
  let body = bytes.subarray(HEADER_BYTES);
  if ((bytes.readUInt8(1) & WARNING_FLAG) === 0) return body;
  const count = body.readUInt16BE(0);
  body = body.subarray(2);
  for (let n = 0; n < count; n++) body = body.subarray(2 + body.readUInt16BE(0));
  return body;
}

function lengthOf(header: Buffer): number {
  return HEADER_BYTES + header.readInt32BE(5);
}

function longText(body: Buffer): string {
  return body.toString('utf8', 4, 4 + body.readInt32BE(0));
}

function shortHex(body: Buffer): string {
  return body.toString('hex', 2, 2 + body.readUInt16BE(0));
}
