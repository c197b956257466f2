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
  if (/"__proto__"\s*:/.test(text))
    throw new PoisonError('Cannot read the event: its JSON has a key __proto__');
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch (error) {
    throw new PoisonError('Cannot read the event: its data is not valid JSON', { cause: error });
  }
  if (isDeeperThan(data, MAX_DEPTH)) {
    throw new PoisonError(`Cannot read the event: its JSON is nested deeper than ${MAX_DEPTH} levels`);
  }
  return data;
}

function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (levels === 0) return true;
  const children: readonly unknown[] = Array.isArray(value) ? value : Object.values(value);
  return children.some((child) => isDeeperThan(child, levels - 1));
}
