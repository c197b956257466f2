/** Items of several partitions of a topic, each in its own order, as one sequence: by their time. */
export interface TimeOrder<T> {
  /** A partition is read from an offset on; it reaches up to `end`, as far as is known, which is not in it. */
  begin(partition: number, from: bigint, end: bigint): void;
  /** It reaches further by now. */
  setEnd(partition: number, end: bigint): void;
  /** The next item of a partition. */
  push(partition: number, offset: bigint, timeMs: number, item: T): void;
  /**
   * The item with the lowest time of those that are first in their partitions; null while a partition that is
   * known to have more has none here, for that may be earlier.
   *
   * @param isPatient False: what is not here is not waited for.
   */
  take(isPatient: boolean): { readonly partition: number; readonly offset: bigint; readonly item: T } | null;
  /** Items of a partition, or of all, that wait. */
  waiting(partition?: number): number;
  /** The offset after the newest item of a partition that came; null of one that was not begun. */
  next(partition: number): bigint | null;
}

interface Place<T> {
  readonly items: { readonly offset: bigint; readonly timeMs: number; readonly item: T }[];
  /** Where in `items` the first one is: taking it off would move all the others. */
  first: number;
  /** The offset after the newest item that came. */
  next: bigint;
  end: bigint;
}

/** Taken items are let go of after so many. */
const COMPACT_AT = 1_024;

/** An order in which nothing waits. */
export function createTimeOrder<T>(): TimeOrder<T> {
  const places = new Map<number, Place<T>>();
  let count = 0;

  return {
    begin(partition, from, end) {
      places.set(partition, { items: [], first: 0, next: from, end });
    },
    setEnd(partition, end) {
      const place = places.get(partition);
      if (place !== undefined && end > place.end) place.end = end;
    },
    push(partition, offset, timeMs, item) {
      const place = places.get(partition);
      if (place === undefined) throw new RangeError(`Cannot order: partition ${partition} was not begun`);
      place.items.push({ offset, timeMs, item });
      place.next = offset + 1n;
      count += 1;
    },
    take(isPatient) {
      let found: readonly [number, Place<T>] | null = null;
      let lowestMs = Number.POSITIVE_INFINITY;
      for (const [partition, place] of places) {
        const head = place.items[place.first];
        if (head === undefined) {
          if (isPatient && place.next < place.end) return null;
        } else if (head.timeMs < lowestMs) {
          lowestMs = head.timeMs;
          found = [partition, place];
        }
      }
      if (found === null) return null;
      const [partition, place] = found;
      const head = place.items[place.first];
      if (head === undefined) return null;
      place.first += 1;
      count -= 1;
      if (place.first === place.items.length || place.first >= COMPACT_AT) {
        place.items.splice(0, place.first);
        place.first = 0;
      }
      return { partition, offset: head.offset, item: head.item };
    },
    waiting(partition) {
      if (partition === undefined) return count;
      const place = places.get(partition);
      return place === undefined ? 0 : place.items.length - place.first;
    },
    next: (partition) => places.get(partition)?.next ?? null,
  };
}
