import { MAX_REJECTED_TEXT } from '../event/rejects.ts';

/** A feed record fit to be put into a batch, with its length as JSON text, or why it is none. */
export type FeedRecord =
  | { readonly kind: 'record'; readonly record: Readonly<Record<string, unknown>>; readonly bytes: number }
  | { readonly kind: 'bad'; readonly detail: string; readonly text: string };

/**
 * Deepest nesting of a record: Finnhub's is 1 (the list of conditions). Deeper ones exhaust the stack of JSON.
 */
const MAX_DEPTH = 8;
/** Longest record, bytes of JSON: a hundred times a real one. A batch must stay far below Kafka's 1 MiB. */
const MAX_RECORD_BYTES = 16_384;

/**
 * Reads an entry of a frame: field names and values as they came, but for numbers that JSON cannot carry
 * (1e309 is read as Infinity), which become their text.
 */
export function readFeedRecord(entry: unknown): FeedRecord {
  if (!isObject(entry)) return { kind: 'bad', detail: 'entry is not an object', text: shortText(entry) };
  const shape = shapeOf(entry, 0);
  if (shape === 'deep') return { kind: 'bad', detail: `entry is nested deeper than ${MAX_DEPTH}`, text: '' };
  if (shape === 'proto') return { kind: 'bad', detail: 'entry has a key __proto__', text: '' };
  const record = shape === 'finite' ? entry : Object.fromEntries(Object.entries(entry).map(asText));
  const text = JSON.stringify(record);
  const bytes = Buffer.byteLength(text);
  if (bytes > MAX_RECORD_BYTES) {
    return {
      kind: 'bad',
      detail: `entry is longer than ${MAX_RECORD_BYTES} bytes`,
      text: text.slice(0, MAX_REJECTED_TEXT),
    };
  }
  return { kind: 'record', record, bytes };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * `deep` if nested too deeply, `proto` if a key would change an object's nature (the functions refuse such an
 * event whole), `infinite` if a number in it is not finite, else `finite`.
 */
type Shape = 'finite' | 'infinite' | 'deep' | 'proto';

function shapeOf(value: unknown, depth: number): Shape {
  if (typeof value === 'number') return Number.isFinite(value) ? 'finite' : 'infinite';
  if (typeof value !== 'object' || value === null) return 'finite';
  if (depth >= MAX_DEPTH) return 'deep';
  if (Object.hasOwn(value, '__proto__')) return 'proto';
  let shape: Shape = 'finite';
  for (const part of Array.isArray(value) ? value : Object.values(value)) {
    const of = shapeOf(part, depth + 1);
    if (of === 'deep' || of === 'proto') return of;
    if (of === 'infinite') shape = of;
  }
  return shape;
}

function asText([name, value]: [string, unknown]): [string, unknown] {
  return [name, finiteValue(value)];
}

function finiteValue(value: unknown): unknown {
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value);
  if (Array.isArray(value)) return value.map(finiteValue);
  return isObject(value) ? Object.fromEntries(Object.entries(value).map(asText)) : value;
}

function shortText(entry: unknown): string {
  if (typeof entry === 'string') return entry.slice(0, MAX_REJECTED_TEXT);
  return Array.isArray(entry) ? `array of ${entry.length}` : String(entry);
}
