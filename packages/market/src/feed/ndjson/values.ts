import { formatE8, readE8 } from '../../number/fixed-point.ts';
import type { TimeName } from './mapping.ts';

const DECIMAL = /^-?\d{1,15}(\.\d{1,30})?$/;
const WHOLE = /^\d{1,20}$/;
/** A date and a time with an offset: without one nobody knows when it was. */
const ISO = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})$/;
/** How many of a unit make a millisecond. */
const PER_MS = { ms: 1, us: 1_000, ns: 1_000_000 } as const;

/**
 * A price or size, also where it is written as a text. A text that no number stands for exactly stays a text,
 * and is refused by whoever judges it.
 */
export function readAmount(value: unknown): unknown {
  if (typeof value !== 'string' || !DECIMAL.test(value)) return value;
  const number = Number(value);
  const units = readE8(number);
  // More than eight decimals is a fault of its own, and has its own word.
  if (units === null) return number;
  return formatE8(units) === plainDecimal(value) ? number : value;
}

/** Without zeros that say nothing: `-00.50` is `-0.5`. */
function plainDecimal(text: string): string {
  const [, sign = '', whole = '', fraction = ''] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text) ?? [];
  const short = fraction.replace(/0+$/, '');
  const plain = `${whole.replace(/^0+(?=\d)/, '')}${short === '' ? '' : `.${short}`}`;
  return plain === '0' ? plain : sign + plain;
}

/** A time in whole milliseconds since 1970, rounded down; what is none stays as it is. */
export function readTimeMs(value: unknown, unit: TimeName['unit']): unknown {
  if (unit === 'iso') {
    if (typeof value !== 'string' || !ISO.test(value)) return value;
    const timeMs = Date.parse(value.replace(' ', 'T'));
    return Number.isNaN(timeMs) ? value : timeMs;
  }
  // Of nanoseconds a double has not all the digits.
  if (typeof value === 'string' && WHOLE.test(value)) {
    return unit === 's' ? Number(value) * 1_000 : Number(BigInt(value) / BigInt(PER_MS[unit]));
  }
  if (typeof value !== 'number' || !Number.isFinite(value)) return value;
  // Seconds with a fraction: 1723161255.342 times 1000 is a hair below a whole number.
  if (unit === 's') return Math.floor(Number((value * 1_000).toFixed(3)));
  return Math.floor(value / PER_MS[unit]);
}
