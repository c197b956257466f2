import { isEverything, type Part, SPARKS_PARTS } from './parts.ts';

/** A figure beside what it is to be. */
export interface Target {
  readonly what: string;
  readonly measured: number;
  /** The bound, from below or from above. */
  readonly atLeast?: number;
  readonly atMost?: number;
  readonly unit: string;
}

/** The bounds of a drain of full batches; null where none is set for these parts. */
export function drainBounds(
  parts: readonly Part[],
): { readonly perSecond: number; readonly functions: number; readonly all: number } | null {
  if (isEverything(parts)) return { perSecond: 19_000, functions: 25, all: 95 };
  const isSparks = parts.length === SPARKS_PARTS.length && SPARKS_PARTS.every((part) => parts.includes(part));
  return isSparks ? { perSecond: 32_000, functions: 18, all: 60 } : null;
}

/** Figures with their targets, one a line. */
export function targetLines(targets: readonly Target[]): readonly string[] {
  const width = Math.max(...targets.map(({ what }) => what.length)) + 2;
  return [
    `${''.padEnd(width)}${'measured'.padStart(12)}${'target'.padStart(12)}`,
    ...targets.map(({ what, measured, atLeast, atMost, unit }) => {
      const bound = atLeast ?? atMost ?? Number.NaN;
      const isMet = atLeast === undefined ? measured <= bound : measured >= bound;
      const target = `${atLeast === undefined ? '≤' : '≥'} ${show(bound)}`;
      return `${what.padEnd(width)}${show(measured).padStart(12)}${target.padStart(12)} ${unit.padEnd(9)} ${isMet ? 'met' : 'missed'}`;
    }),
  ];
}

function show(number: number): string {
  if (Math.abs(number) >= 1_000) return Math.round(number).toLocaleString('en');
  return Number.isInteger(number) ? String(number) : number.toFixed(number < 10 ? 2 : 1);
}
