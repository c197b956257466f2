/** What a frame asks for, or what the request asked for that it answers. */
export interface WireRequest {
  /**
   * Cassandra: the text of the (first) statement, else the name of the operation. Kafka: the name of the API.
   */
  readonly what: string;
  /** Number of statements; 0 where there is none. */
  readonly statements: number;
  /** Name of the client, as far as the protocol says it: Kafka's client id. */
  readonly client: string;
}

/** One message of a protocol, whole. */
export interface Frame {
  readonly from: 'client' | 'server';
  readonly request: WireRequest;
  readonly bytes: Buffer;
}

/** Cuts the two streams of one connection into frames and knows which answer belongs to which request. */
export interface WireConnection {
  fromClient(chunk: Buffer): readonly Frame[];
  fromServer(chunk: Buffer): readonly Frame[];
}

/** A protocol. */
export interface Wire {
  /**
   * A new connection begins. @param proxyPort Port that clients are to be told, where the protocol tells one.
   */
  open(proxyPort: number): WireConnection;
}

/** A request of which nothing is known. */
export const UNKNOWN: WireRequest = { what: 'unknown', statements: 0, client: '' };

/**
 * Gathers a stream into messages of which the first bytes say how long they are.
 *
 * @param headerBytes Bytes needed to know the length.
 * @param lengthOf Length of the whole message, from its first bytes.
 */
export function createSplitter(
  headerBytes: number,
  lengthOf: (header: Buffer) => number,
): (chunk: Buffer) => readonly Buffer[] {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const messages: Buffer[] = [];
    while (rest.length >= headerBytes) {
      const length = lengthOf(rest);
      if (rest.length < length) break;
      messages.push(rest.subarray(0, length));
      rest = rest.subarray(length);
    }
    return messages;
  };
}
