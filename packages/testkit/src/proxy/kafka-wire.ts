import { createSplitter, type Frame, UNKNOWN, type Wire, type WireRequest } from './wire.ts';

const LENGTH_BYTES = 4;
const APIS: ReadonlyMap<number, string> = new Map([
  [0, 'Produce'],
  [1, 'Fetch'],
  [2, 'ListOffsets'],
  [3, 'Metadata'],
  [8, 'OffsetCommit'],
  [9, 'OffsetFetch'],
  [10, 'FindCoordinator'],
  [11, 'JoinGroup'],
  [12, 'Heartbeat'],
  [14, 'SyncGroup'],
  [18, 'ApiVersions'],
  [22, 'InitProducerId'],
]);
/** Answers that name the broker's address, which is to be the proxy's. */
const NAMES_BROKER: ReadonlySet<string> = new Set(['Metadata', 'FindCoordinator']);
const HOST = Buffer.from('127.0.0.1');

/**
 * Kafka's protocol. Where a broker says its own address it is made to say the proxy's, so that clients stay
 * with the proxy: a port has four bytes whatever it is, so nothing moves.
 *
 * @param brokerPort The port that the broker advertises, on 127.0.0.1.
 */
export function createKafkaWire(brokerPort: number): Wire {
  return {
    open(proxyPort) {
      const splitClient = createSplitter(LENGTH_BYTES, lengthOf);
      const splitServer = createSplitter(LENGTH_BYTES, lengthOf);
      const underWay = new Map<number, WireRequest>();

      return {
        fromClient: (chunk) =>
          splitClient(chunk).map((bytes): Frame => {
            const request = requestOf(bytes);
            underWay.set(bytes.readInt32BE(8), request);
            return { from: 'client', request, bytes };
          }),
        fromServer: (chunk) =>
          splitServer(chunk).map((bytes): Frame => {
            const correlation = bytes.readInt32BE(4);
            const request = underWay.get(correlation) ?? UNKNOWN;
            underWay.delete(correlation);
            const told = NAMES_BROKER.has(request.what) ? withPort(bytes, brokerPort, proxyPort) : bytes;
            return { from: 'server', request, bytes: told };
          }),
      };
    },
  };
}

function lengthOf(header: Buffer): number {
  return LENGTH_BYTES + header.readInt32BE(0);
}

/** API (2 bytes), its version (2), correlation id (4), client id. */
function requestOf(bytes: Buffer): WireRequest {
  const api = bytes.readInt16BE(4);
  const length = bytes.readInt16BE(12);
  return {
    what: APIS.get(api) ?? `api ${api}`,
    statements: 0,
    client: length < 0 ? '' : bytes.toString('utf8', 14, 14 + length),
  };
}

function withPort(bytes: Buffer, from: number, to: number): Buffer {
  const told = Buffer.from(bytes);
  for (let at = told.indexOf(HOST); at >= 0; at = told.indexOf(HOST, at + HOST.length)) {
    const port = at + HOST.length;
    if (port + 4 <= told.length && told.readInt32BE(port) === from) told.writeInt32BE(to, port);
  }
  return told;
}
