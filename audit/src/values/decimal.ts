/*
 * Numbers in units of 1e-8, read and written by their decimal text alone: slow, and easy to check by hand.
 * Nothing here is shared with the code under audit.
 */

const ONE = 10n ** 8n;

/**
 * A number in units of 1e-8, by its shortest decimal text; null if that has more than eight decimals.
 *
 * @throws {RangeError} If it is not finite.
 */
export function unitsOf(value: number): bigint | null {
  if (!Number.isFinite(value)) throw new RangeError('Cannot count units: not a finite number');
  const [mantissa = '', exponent = '0'] = String(value).split('e');
  const [whole = '', fraction = ''] = mantissa.split('.');
  // The number is `digits` times ten to the `power`, in units of 1e-8.
  const digits = BigInt(whole.replace('-', '') + fraction);
  const sign = value < 0 ? -1n : 1n;
  const power = Number(exponent) - fraction.length + 8;
  if (power >= 0) return sign * digits * 10n ** BigInt(power);
  const divisor = 10n ** BigInt(-power);
  return digits % divisor === 0n ? sign * (digits / divisor) : null;
}

/** The double nearest to a number in units of 1e-8. */
export function doubleOf(units: bigint): number {
  const magnitude = units < 0n ? -units : units;
  const text = `${magnitude / ONE}.${(magnitude % ONE).toString().padStart(8, '0')}`;
  return units < 0n ? -Number(text) : Number(text);
}

/**
 * Digits after the point: enough to write down any number that lies half way between two doubles of at least
 * 1e-20.
 */
const QUOTIENT_DIGITS = 120n;

/** The double nearest to a quotient of whole numbers; the divisor is above 0. */
export function quotientOf(dividend: bigint, divisor: bigint): number {
  const scaled = (dividend < 0n ? -dividend : dividend) * 10n ** QUOTIENT_DIGITS;
  // One digit more stands for all that follow, so that what is just above half a step is not taken for half a
  // step.
  const rest = scaled % divisor === 0n ? '0' : '1';
  return Number(`${dividend < 0n ? '-' : ''}${scaled / divisor}${rest}e-${QUOTIENT_DIGITS + 1n}`);
}

/**
 * How much the doubles of an old row may differ from the exact quotient: each of four roundings added half a
 * bit.
 */
const RELATIVE = 1e-14;

/** True if two doubles are the same but for the roundings on the way to them. */
export function isNearly(a: number, b: number, relative = RELATIVE): boolean {
  return Math.abs(a - b) <= relative * Math.max(Math.abs(a), Math.abs(b));
}
