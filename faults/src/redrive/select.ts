import { type DeadLetter, isRefused } from './dead-letter.ts';
import { letterKey } from './ledger.ts';
import { originOf } from './origin.ts';

/** Which dead letters are wanted; what is not given is not asked. */
export interface Filter {
  /** Part of the reason's text, or the status. */
  readonly reason?: string | undefined;
  readonly type?: string | undefined;
  readonly destination?: string | undefined;
  readonly id?: string | undefined;
  /** Given up at this time or later, epoch milliseconds. */
  readonly sinceMs?: number | undefined;
  /** Also those of which the function said that they can never work. */
  readonly includeRefused: boolean;
}

/** What becomes of a dead letter in this run. */
export type Fate = 'send' | 'redriven before' | 'refused for ever' | 'from nowhere';

/** True if the letter is one of those wanted. */
export function matches(letter: DeadLetter, filter: Filter): boolean {
  const { reason, type, destination, id, sinceMs } = filter;
  return (
    (reason === undefined || letter.reason.includes(reason) || String(letter.status ?? 'none') === reason) &&
    (type === undefined || letter.type === type) &&
    (destination === undefined || letter.destination === destination) &&
    (id === undefined || letter.id === id) &&
    (sinceMs === undefined || letter.givenUpMs >= sinceMs)
  );
}

/**
 * Decides what becomes of a letter that is wanted. @param redriven Keys of those that were sent again before.
 */
export function fateOf(letter: DeadLetter, filter: Filter, redriven: ReadonlySet<string>): Fate {
  if (redriven.has(letterKey(letter))) return 'redriven before';
  if (originOf(letter) === null) return 'from nowhere';
  if (isRefused(letter) && !filter.includeRefused) return 'refused for ever';
  return 'send';
}
