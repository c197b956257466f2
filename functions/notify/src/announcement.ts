import type { Signal } from '@kandle/market/signal/signal-batch';
import type { SignalFilter, Target } from './targets.ts';

/** A signal to tell of, or to take back. */
export interface Announcement {
  readonly feed: string;
  readonly signal: Signal;
}

/** What a target takes an announcement and its repeats for one by: `<feed>:<signal id>:<version>:<target>`. */
export function idempotencyKey({ feed, signal }: Announcement, target: Pick<Target, 'name'>): string {
  return `${feed}:${signal.id}:${signal.version}:${target.name}`;
}

/**
 * True if a target wants to hear of a signal. A retraction passes whatever its strength is by now: who was told of
 * the signal is told that it is gone, and who was not, the record knows.
 */
export function isWanted(filter: SignalFilter, signal: Signal): boolean {
  const { rules, sides, symbols, minStrength = 0 } = filter;
  if (rules !== undefined && !rules.includes(signal.rule)) return false;
  if (symbols !== undefined && !symbols.includes(signal.symbol)) return false;
  if (signal.state === 'retracted') return true;
  return (sides === undefined || sides.includes(signal.side)) && signal.strength >= minStrength;
}
