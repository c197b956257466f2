import type { IncomingMessage } from 'node:http';

/** Largest refused body that is read to its end: far more than any broker takes in one record. */
export const MAX_UNREAD_BYTES = 64 * 1024 * 1024;

/**
 * Reads the body of a request or an answer; null if it is larger than it may be. That one is read to its end,
 * for a sender whose connection is cut while it writes sees a broken pipe and no answer, and sends the same
 * again and again.
 *
 * @throws If the sender goes away in the middle, or its body does not end.
 */
export async function readBody(message: IncomingMessage, maxBytes: number): Promise<Buffer | null> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of message as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_UNREAD_BYTES) throw new RangeError(`The body has more than ${MAX_UNREAD_BYTES} bytes`);
    if (bytes <= maxBytes) chunks.push(chunk);
  }
  if (bytes > maxBytes) return null;
  const [first] = chunks;
  return chunks.length === 1 && first !== undefined ? first : Buffer.concat(chunks, bytes);
}
