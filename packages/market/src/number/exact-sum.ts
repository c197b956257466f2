import { fromJsonInteger, type JsonInteger } from './fixed-point.ts';

/**
 * The exact sum of integers, in doubles as long as they are exact: what does not fit is carried into a bigint.
 * Read it with {@link totalOf}.
 */
export interface ExactSum {
  /** A safe integer. */
  part: number;
  /** What `part` could not hold any more. */
  carried: bigint;
}

/** A sum of nothing. */
export function emptySum(): ExactSum {
  return { part: 0, carried: 0n };
}

/** Adds an integer. */
export function addTo(sum: ExactSum, value: JsonInteger): void {
  if (typeof value === 'number') {
    // Two safe integers make a double that is at most rounded to the limit, where it is no safe one.
    const part = sum.part + value;
    if (Number.isSafeInteger(part)) {
      sum.part = part;
      return;
    }
  }
  sum.carried += BigInt(sum.part) + fromJsonInteger(value);
  sum.part = 0;
}

/** The sum. */
export function totalOf({ part, carried }: ExactSum): bigint {
  return carried + BigInt(part);
}

/** Bits of the lower half of each factor. */
const LEFT_BITS = 22;
const RIGHT_BITS = 20;
const LEFT_BASE = 2 ** LEFT_BITS;
const RIGHT_BASE = 2 ** RIGHT_BITS;
/** Factors below this have halves whose products are below 2^42: prices up to 175,000, sizes up to 10,000. */
const LEFT_LIMIT = 2 ** (2 * LEFT_BITS);
const RIGHT_LIMIT = 2 ** (2 * RIGHT_BITS);
/** So many products of 42 bits make less than 2^53. */
const MAX_PRODUCTS = 2 ** 11;

/**
 * The exact sum of products, price times size, in doubles as long as they are exact: each factor in two halves,
 * and a sum for each pair of halves. Read it with {@link productsOf}.
 */
export interface ProductSum {
  /** Products of high and low halves: their weights are 2^42, 2^22, 2^20 and 1. */
  highHigh: number;
  highLow: number;
  lowHigh: number;
  lowLow: number;
  /** How many products the four hold. */
  count: number;
  carried: bigint;
}

/** A sum of no products. */
export function emptyProductSum(): ProductSum {
  return { highHigh: 0, highLow: 0, lowHigh: 0, lowLow: 0, count: 0, carried: 0n };
}

/** Adds a product of integers; the left one may be below 0. */
export function addProductTo(sum: ProductSum, left: JsonInteger, right: JsonInteger): void {
  if (
    typeof left !== 'number' ||
    typeof right !== 'number' ||
    Math.abs(left) >= LEFT_LIMIT ||
    Math.abs(right) >= RIGHT_LIMIT
  ) {
    sum.carried += fromJsonInteger(left) * fromJsonInteger(right);
    return;
  }
  if (sum.count === MAX_PRODUCTS) carryProducts(sum);
  const leftHigh = Math.trunc(left / LEFT_BASE);
  const leftLow = left - leftHigh * LEFT_BASE;
  const rightHigh = Math.trunc(right / RIGHT_BASE);
  const rightLow = right - rightHigh * RIGHT_BASE;
  sum.highHigh += leftHigh * rightHigh;
  sum.highLow += leftHigh * rightLow;
  sum.lowHigh += leftLow * rightHigh;
  sum.lowLow += leftLow * rightLow;
  sum.count += 1;
}

function carryProducts(sum: ProductSum): void {
  sum.carried = productsOf(sum);
  sum.highHigh = sum.highLow = sum.lowHigh = sum.lowLow = sum.count = 0;
}

/** The sum. */
export function productsOf({ highHigh, highLow, lowHigh, lowLow, carried }: ProductSum): bigint {
  return (
    carried +
    (BigInt(highHigh) << BigInt(LEFT_BITS + RIGHT_BITS)) +
    (BigInt(highLow) << BigInt(LEFT_BITS)) +
    (BigInt(lowHigh) << BigInt(RIGHT_BITS)) +
    BigInt(lowLow)
  );
}
