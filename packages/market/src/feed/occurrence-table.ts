import type { Hash64 } from '../number/hash.ts';

/** How often something was seen, by its 64-bit hash and a place beside it. */
export interface OccurrenceTable {
  /**
   * The n-th sight of this on a connection: n if no earlier connection had as many, and null if one had.
   *
   * @param place Whole number from 0 to 2^32 - 1.
   * @param connection Whole number from 1 on.
   */
  see(hash: Hash64, place: number, connection: number): number | null;
  /** 1 at the first sight of this on any connection, and null at every further one. */
  seeOnce(hash: Hash64, place: number): number | null;
  /** Takes it as seen so many times, 1 or more, on a connection that is over. */
  know(hash: Hash64, place: number, occurrences: number): void;
  size(): number;
}

const FIELDS = 6;
const [HIGH, LOW, PLACE, KNOWN, HERE, CONNECTION] = [0, 1, 2, 3, 4, 5] as const;
const FIRST_CAPACITY = 64;

/**
 * An empty table, open addressing in one array of numbers: 24 bytes a slot, half of them free.
 *
 * Six minutes at 2,000 trades a second are 38 MB outside of the heap. A map with a text and an object for each
 * trade was 169 MB on it, two thirds of what ingest may have, and the garbage collector walked through all of
 * it.
 */
export function createOccurrenceTable(): OccurrenceTable {
  let capacity = FIRST_CAPACITY;
  let slots = new Uint32Array(capacity * FIELDS);
  let count = 0;

  /** Where this stands in the array, or the free slot where it belongs. */
  function find(high: number, low: number, place: number): number {
    // Capacities are powers of two; the hash is as good as random in its low bits, and its place is not.
    for (
      let slot = (low ^ Math.imul(place, 0x9e37_79b1)) & (capacity - 1);
      ;
      slot = (slot + 1) & (capacity - 1)
    ) {
      const at = slot * FIELDS;
      if (slots[at + KNOWN] === 0) return at;
      if (slots[at + LOW] === low && slots[at + HIGH] === high && slots[at + PLACE] === place) return at;
    }
  }

  /** Where this stands; it is put there if it is new, and then the caller sets KNOWN to 1 or more. */
  function put({ high, low }: Hash64, place: number): number {
    let at = find(high, low, place);
    if (slots[at + KNOWN] !== 0) return at;
    if ((count + 1) * 2 > capacity) {
      grow();
      at = find(high, low, place);
    }
    count += 1;
    slots.set([high, low, place], at);
    return at;
  }

  function grow(): void {
    const old = slots;
    capacity *= 2;
    slots = new Uint32Array(capacity * FIELDS);
    for (let at = 0; at < old.length; at += FIELDS) {
      const entry = old.subarray(at, at + FIELDS);
      const [high = 0, low = 0, place = 0, known] = entry;
      if (known !== 0) slots.set(entry, find(high, low, place));
    }
  }

  return {
    see(hash, place, connection) {
      const at = put(hash, place);
      const here = slots[at + CONNECTION] === connection ? (slots[at + HERE] ?? 0) + 1 : 1;
      slots[at + CONNECTION] = connection;
      slots[at + HERE] = here;
      if (here <= (slots[at + KNOWN] ?? 0)) return null;
      slots[at + KNOWN] = here;
      return here;
    },
    seeOnce(hash, place) {
      const at = put(hash, place);
      if (slots[at + KNOWN] !== 0) return null;
      slots[at + KNOWN] = 1;
      return 1;
    },
    know(hash, place, occurrences) {
      const at = put(hash, place);
      slots[at + KNOWN] = Math.max(slots[at + KNOWN] ?? 0, occurrences);
    },
    size: () => count,
  };
}
