/**
 * A list in parts of at most `size` items, in order; none of an empty list.
 *
 * @throws {RangeError} If the size is below 1.
 */
export function partsOf<Item>(items: readonly Item[], size: number): readonly (readonly Item[])[] {
  if (!(size >= 1)) throw new RangeError(`Cannot split a list: parts of ${size}`);
  return Array.from({ length: Math.ceil(items.length / size) }, (_, part) =>
    items.slice(part * size, (part + 1) * size),
  );
}
