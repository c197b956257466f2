import type { FeedFrame } from '@kandle/market/feed/feed-frame';
import { parseNdjsonLine } from '@kandle/market/feed/ndjson/frame';
import type { Line } from '@kandle/market/feed/ndjson/lines';
import type { NdjsonMapping } from '@kandle/market/feed/ndjson/mapping';

/** A line of a feed of JSON lines as a frame, and the text that it was. */
export function frameOfLine(line: Line, mapping: NdjsonMapping): readonly [FeedFrame, string] {
  if (line.kind === 'line') return [parseNdjsonLine(line.text, mapping), line.text];
  if (line.kind === 'not_utf8') return [{ kind: 'bad', detail: 'line is no UTF-8' }, line.head];
  const detail = 'line longer than MAX_LINE_BYTES';
  return [{ kind: 'refused', detail, span: null }, line.head];
}
