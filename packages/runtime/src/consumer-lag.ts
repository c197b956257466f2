/** Where a partition begins and ends; its next record gets the offset `high`. */
export interface PartitionBounds {
  readonly partition: number;
  readonly low: string;
  readonly high: string;
}

/** What a group has committed of a partition; -1 if nothing. */
export interface CommittedOffset {
  readonly partition: number;
  readonly offset: string;
}

/**
 * Number of records that a group has not committed. A partition of which it has committed nothing counts whole,
 * for our sources begin at the earliest; so does one whose committed records retention has removed.
 */
export function lagOf(bounds: readonly PartitionBounds[], committed: readonly CommittedOffset[]): number {
  const offsets = new Map(committed.map(({ partition, offset }) => [partition, Number(offset)]));
  return bounds.reduce((sum, { partition, low, high }) => {
    const from = Math.max(offsets.get(partition) ?? -1, Number(low));
    return sum + Math.max(0, Number(high) - from);
  }, 0);
}

/** Number of records that a topic holds. */
export function recordsIn(bounds: readonly PartitionBounds[]): number {
  return bounds.reduce((sum, { low, high }) => sum + Number(high) - Number(low), 0);
}

/** Number of records that were ever written to a topic, whether retention has removed them or not. */
export function recordsEver(bounds: readonly PartitionBounds[]): number {
  return bounds.reduce((sum, { high }) => sum + Number(high), 0);
}

/** Number of records that a group has committed. */
export function committedBy(committed: readonly CommittedOffset[]): number {
  return committed.reduce((sum, { offset }) => sum + Math.max(0, Number(offset)), 0);
}
