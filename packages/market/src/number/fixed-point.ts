declare const unit: unique symbol;

/**
 * A price, size or sum of them, as an integer in units of 1e-8. Its type is not that of {@link E16}, and no
 * plain bigint is one: prices and notionals cannot take each other's place, and what an operator returns has to
 * say its unit, by {@link addE8} or {@link e8}.
 */
export type E8 = bigint & { readonly [unit]: 'E8' };

/** A notional, price times size, as an integer in units of 1e-16. */
export type E16 = bigint & { readonly [unit]: 'E16' };

/** An integer that is known to be in units of 1e-8: a literal, or one read from where they are kept. */
export function e8(units: bigint): E8 {
  return units as E8;
}

/** An integer that is known to be in units of 1e-16. */
export function e16(units: bigint): E16 {
  return units as E16;
}

/** The sum of two numbers in units of 1e-8. */
export function addE8(left: E8, right: E8): E8 {
  return e8(left + right);
}

/** The difference of two numbers in units of 1e-8. */
export function subtractE8(left: E8, right: E8): E8 {
  return e8(left - right);
}

/** The sum of two numbers in units of 1e-16. */
export function addE16(left: E16, right: E16): E16 {
  return e16(left + right);
}

/** Price times size. */
export function notionalOf(priceE8: E8, sizeE8: E8): E16 {
  return e16(priceE8 * sizeE8);
}

/** How many units of 1e-8 make one. */
const ONE_E8 = 100_000_000n;

/** Largest accepted price or size: far above any market, and small enough that sums stay cheap. */
const MAX_MAGNITUDE = 1e15;

/** Up to here two numbers of eight decimals are never the same double. */
const FAST_LIMIT = 2 ** 52;

/**
 * A number in units of 1e-8, exact by its shortest decimal text; null if that has more than eight decimals.
 *
 * @throws {RangeError} If the number is not finite or beyond 1e15.
 */
export function readE8(value: number): E8 | null {
  const units = Math.round(value * 1e8);
  // The quotient is the double of the decimal text, for division rounds to the nearest one.
  if (Math.abs(units) < FAST_LIMIT && units / 1e8 === value) return e8(BigInt(units));
  if (!Number.isFinite(value) || Math.abs(value) > MAX_MAGNITUDE) {
    throw new RangeError(`Cannot scale to 1e-8 units: ${value} is not within ±1e15`);
  }
  return unitsOfText(String(value));
}

/**
 * The same of a number that has no more than eight decimals.
 *
 * @throws {RangeError} If it has, is not finite or beyond 1e15.
 */
export function toE8(value: number): E8 {
  const units = readE8(value);
  if (units === null)
    throw new RangeError(`Cannot scale to 1e-8 units: ${value} has more than eight decimals`);
  return units;
}

const DECIMAL = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]\d{1,3}))?$/;

/** The shortest decimal text of a double in units of 1e-8, null if it is not a whole number of them. */
function unitsOfText(text: string): E8 | null {
  const [, sign = '', whole = '', fraction = '', exponent = '0'] = DECIMAL.exec(text) ?? [];
  const digits = BigInt(whole + fraction);
  const shift = Number(exponent) - fraction.length + 8;
  const divisor = 10n ** BigInt(Math.max(0, -shift));
  if (digits % divisor !== 0n) return null;
  const magnitude = (digits / divisor) * 10n ** BigInt(Math.max(0, shift));
  return e8(sign === '-' ? -magnitude : magnitude);
}

/**
 * The exact decimal text of a number in 1e-8 units, without trailing zeros: `6183763000000n` is `"61837.63"`.
 */
export function formatE8(units: E8): string {
  const magnitude: bigint = units < 0n ? 0n - units : units;
  const fraction = (magnitude % ONE_E8).toString().padStart(8, '0').replace(/0+$/, '');
  return `${units < 0n ? '-' : ''}${magnitude / ONE_E8}${fraction === '' ? '' : `.${fraction}`}`;
}

/** The double nearest to a number in 1e-8 units, for the views. */
export function e8ToDouble(units: E8): number {
  const asNumber = Number(units);
  return Number.isSafeInteger(asNumber) ? asNumber / 1e8 : Number(formatE8(units));
}

/** An integer as JSON carries it exactly: a number while it is a safe integer, else its decimal text. */
export type JsonInteger = number | string;

/** Encodes a bigint for JSON without loss; {@link fromJsonInteger} is the inverse. */
export function toJsonInteger(value: bigint): JsonInteger {
  const asNumber = Number(value);
  return Number.isSafeInteger(asNumber) ? asNumber : value.toString();
}

/**
 * Decodes what {@link toJsonInteger} made.
 *
 * @throws {RangeError} If it is neither a safe integer nor the decimal text of an integer of at most 60 digits.
 */
export function fromJsonInteger(value: unknown): bigint {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return BigInt(value);
  if (typeof value === 'string' && /^-?\d{1,60}$/.test(value)) return BigInt(value);
  throw new RangeError('Cannot read an integer: neither a safe integer nor its decimal text');
}
