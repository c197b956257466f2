const FACTORS = {
  '': 1,
  m: 1e-3,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
} as const;

/** A Kubernetes quantity: CPUs such as `250m`, bytes such as `192Mi`. */
export const QUANTITY = /^(\d+(?:\.\d+)?)(m|k|M|G|T|Ki|Mi|Gi|Ti|)$/;

/**
 * The number that a Kubernetes quantity stands for: CPUs or bytes.
 *
 * @throws {RangeError} If it is none.
 */
export function parseQuantity(text: string): number {
  const [, amount, unit] = QUANTITY.exec(text) ?? [];
  if (amount === undefined) throw new RangeError(`Not a quantity: ${text}`);
  return Number(amount) * FACTORS[unit as keyof typeof FACTORS];
}
