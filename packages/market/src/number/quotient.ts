const MAX_SAFE = BigInt(Number.MAX_SAFE_INTEGER);
/** Bits of a quotient that decide how it is rounded: those of a double, one more, and some to spare. */
const QUOTIENT_BITS = 64;

/**
 * The double nearest to a quotient of integers, ties to the even one: what division without end would be
 * rounded to.
 *
 * Rounding keeps order, so that a mean lies between the doubles of its smallest and its largest value.
 *
 * @param divisor Above 0.
 * @throws {RangeError} If the divisor is not above 0.
 */
export function nearestQuotient(dividend: bigint, divisor: bigint): number {
  if (divisor <= 0n) throw new RangeError('Cannot divide: the divisor is not above 0');
  if (dividend < 0n) return -nearestQuotient(-dividend, divisor);
  // Both are doubles, and the processor rounds their quotient the same way.
  if (dividend <= MAX_SAFE && divisor <= MAX_SAFE) return Number(dividend) / Number(divisor);
  const shift = Math.max(0, QUOTIENT_BITS + bitsOf(divisor) - bitsOf(dividend));
  const shifted = dividend << BigInt(shift);
  const quotient = shifted / divisor;
  // A bit for whatever is left: without it a number just above a tie would be rounded as the tie.
  const rounded = Number(quotient * divisor === shifted ? quotient : quotient | 1n);
  return rounded / 2 ** shift;
}

/** The bits of a number above 0, give or take three. */
function bitsOf(value: bigint): number {
  return value.toString(16).length * 4;
}
