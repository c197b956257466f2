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
  return parseJson(text);
}

/**
 * Parses a text of an event as JSON.
 *
 * @throws {PoisonError} If it is not JSON, nested deeper than 32 levels, or has a key `__proto__`.
 */
export function parseJson(text: string): unknown {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch (error) {
    throw new PoisonError('Cannot read the event: its data is not valid JSON', { cause: error });
  }
  const fault = typeof data === 'object' && data !== null ? faultOf(data, MAX_DEPTH) : null;
  if (fault !== null) throw new PoisonError(`Cannot read the event: its JSON ${fault}`);
  return data;
}

/**
 * What no schema looks for: nesting that overflows a stack, and a key that sets a prototype when it is copied.
 */
function faultOf(value: object, levels: number): string | null {
  if (levels === 0) return `is nested deeper than ${MAX_DEPTH} levels`;
  // One look at each key and value, and a call for what has more in it: most of an event are numbers and texts.
  if (Array.isArray(value)) {
    for (const child of value as readonly unknown[]) {
      const fault = typeof child === 'object' && child !== null ? faultOf(child, levels - 1) : null;
      if (fault !== null) return fault;
    }
    return null;
  }
  const fields = value as Readonly<Record<string, unknown>>;
  for (const key in fields) {
    // Looked for in the parsed object, for in the text it may be written with escapes.
    if (key === '__proto__') return 'has a key __proto__';
    const child = fields[key];
    const fault = typeof child === 'object' && child !== null ? faultOf(child, levels - 1) : null;
    if (fault !== null) return fault;
  }
  return null;
}
