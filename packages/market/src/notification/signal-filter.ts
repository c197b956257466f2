import type { Signal } from '../signal/signal-batch.ts';
import type { Truth } from './signal-record.ts';
import { toldOf } from './told.ts';

/** Which signals a target wants; what is absent lets everything through. */
export interface SignalFilter {
  readonly rules?: readonly string[] | undefined;
  readonly sides?: readonly string[] | undefined;
  readonly symbols?: readonly string[] | undefined;
  readonly minStrength?: number | undefined;
}

/** True if a target may want to hear of a signal, as it is or as it was: rule and symbol never change. */
export function isConcerned({ rules, symbols }: SignalFilter, { rule, symbol }: Signal): boolean {
  return (rules === undefined || rules.includes(rule)) && (symbols === undefined || symbols.includes(symbol));
}

/**
 * What a target ought to believe of a signal. A side that it does not want is nothing to it: who was told of
 * the other side is told that it is gone. Strength only decides whether the target is told at all.
 */
export function truthFor({ sides, minStrength = 0 }: SignalFilter, signal: Signal): Truth {
  const isThere = signal.state === 'active' && (sides === undefined || sides.includes(signal.side));
  return {
    version: signal.version,
    content: isThere ? toldOf(signal) : null,
    isNews: isThere && signal.strength >= minStrength,
  };
}
