const OFFSET_BASIS = 0xcbf29ce484222325n;
const PRIME = 0x100000001b3n;

/** The FNV-1a hash of a trade id, 64 bits, over its UTF-16 code units; by the book, with bigints. */
function hashOf(id: string): bigint {
  let hash = OFFSET_BASIS;
  for (let n = 0; n < id.length; n++) {
    hash = BigInt.asUintN(64, (hash ^ BigInt(id.charCodeAt(n))) * PRIME);
  }
  return hash;
}

/** The sum of the ids' hashes modulo 2^64, which tells two sets of trades apart. */
export function hashSumOf(ids: Iterable<string>): bigint {
  let sum = 0n;
  for (const id of ids) sum = BigInt.asUintN(64, sum + hashOf(id));
  return sum;
}
