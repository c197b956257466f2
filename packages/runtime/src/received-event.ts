import { PoisonError } from './errors.ts';

/** A CloudEvent as a function receives it: its attributes as strings, its data as parsed JSON. */
export interface ReceivedEvent {
  readonly id: string;
  readonly type: string;
  readonly source: string;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly data: unknown;
  /** Offset in the topic that the event source read it from, if it said so. */
  readonly offset: bigint | null;
}

const MAX_DEPTH = 32;
const decoder = new TextDecoder('utf-8', { fatal: true });

/**
 * Parses an event's body as JSON in strict UTF-8.
 *
 * @throws {PoisonError} If it is not UTF-8, not JSON, nested deeper than 32 levels, or has a key `__proto__`.
 */
export function parseEventData(body: Uint8Array): unknown {
  let text: string;
  try {
    text = decoder.decode(body);
  } catch (error) {
    throw new PoisonError('Cannot read the event: its data is not valid UTF-8', { cause: error });
  }
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch (error) {
    throw new PoisonError('Cannot read the event: its data is not valid JSON', { cause: error });
  }
  const fault = faultOf(data, MAX_DEPTH);
  if (fault !== null) throw new PoisonError(`Cannot read the event: its JSON ${fault}`);
  return data;
}

/**
 * What no schema looks for: nesting that overflows a stack, and a key that sets a prototype when it is copied.
 */
function faultOf(value: unknown, levels: number): string | null {
  if (typeof value !== 'object' || value === null) return null;
  if (levels === 0) return `is nested deeper than ${MAX_DEPTH} levels`;
  // Looked for in the parsed object, for in the text it may be written with escapes.
  if (Object.hasOwn(value, '__proto__')) return 'has a key __proto__';
  const children: readonly unknown[] = Array.isArray(value) ? value : Object.values(value);
  for (const child of children) {
    const fault = faultOf(child, levels - 1);
    if (fault !== null) return fault;
  }
  return null;
}
