import { z } from 'zod';
import type { Signal } from '../signal/signal-batch.ts';

/** What a target is told of an active signal: all that people and programs act on. */
export type Told = Pick<Signal, 'side' | 'strength' | 'numbers' | 'text'>;

/** The same as JSON. */
export const ToldSchema: z.ZodType<Told> = z.object({
  side: z.enum(['buy', 'sell', 'neutral']),
  strength: z.number(),
  numbers: z.record(z.string(), z.number()),
  text: z.string(),
});

/** What there is to tell of a signal. */
export function toldOf({ side, strength, numbers, text }: Signal): Told {
  return { side, strength, numbers, text };
}

/** How far apart two numbers of a signal may be and still say the same, as a share of the larger one. */
const SAME_NUMBER = 0.01;
/** How far apart two strengths may be, which lie between 0 and 1 by themselves. */
const SAME_STRENGTH = 0.05;

/**
 * True if two tellings of a signal say the same: the same side, the same words, and numbers as good as equal.
 *
 * Exact numbers would be no measure: a late trade changes every average after it a little, for many windows,
 * and whoever was told of a signal then would be told again of its eighth digit.
 */
export function saysTheSame(a: Told, b: Told): boolean {
  return (
    a.side === b.side &&
    Math.abs(a.strength - b.strength) <= SAME_STRENGTH &&
    wordsOf(a.text) === wordsOf(b.text) &&
    Object.keys(a.numbers).length === Object.keys(b.numbers).length &&
    Object.entries(a.numbers).every(([name, value]) => isNear(value, b.numbers[name]))
  );
}

function isNear(a: number, b: number | undefined): boolean {
  return b !== undefined && Math.abs(a - b) <= SAME_NUMBER * Math.max(Math.abs(a), Math.abs(b));
}

/** A sentence without its numbers, which are compared by themselves. */
function wordsOf(text: string): string {
  return text.replace(/-?\d+(\.\d+)?(e[+-]?\d+)?/g, '#');
}
