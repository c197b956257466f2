import { randomBytes } from 'node:crypto';

/** Version 00 of W3C Trace Context: trace, parent, flags; neither id is all zeros. */
const TRACEPARENT = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** The `traceparent` of a new trace, sampled. Batches carry it from the feed to the view. */
export function newTraceparent(): string {
  return `00-${nonZeroHex(16)}-${nonZeroHex(8)}-01`;
}

/**
 * The trace's id in a `traceparent`; undefined if there is none or it is malformed: a trace decides nothing.
 */
export function traceIdOf(traceparent: unknown): string | undefined {
  return typeof traceparent === 'string' ? TRACEPARENT.exec(traceparent)?.[1] : undefined;
}

/** Random bytes of which the last is not 0, because an id of zeros means "none". */
function nonZeroHex(length: number): string {
  const bytes = randomBytes(length);
  const last = bytes.length - 1;
  bytes[last] = bytes[last] || 1;
  return bytes.toString('hex');
}
