/**
 * The batch sequences that a window holds already: per epoch the merged, ascending, disjoint ranges.
 *
 * A set and not a high-water mark, so that a dead letter redriven days later is still recognised as new.
 */
export type Applied = ReadonlyMap<number, readonly SequenceRange[]>;

/** An inclusive range of batch sequences. */
export type SequenceRange = readonly [first: number, last: number];

/** True if the set holds the batch. */
export function hasApplied(applied: Applied, epoch: number, sequence: number): boolean {
  return applied.get(epoch)?.some(([first, last]) => first <= sequence && sequence <= last) ?? false;
}

/** The set with one batch more; the set itself when it holds the batch already. */
export function addApplied(applied: Applied, epoch: number, sequence: number): Applied {
  if (hasApplied(applied, epoch, sequence)) return applied;
  const before: SequenceRange[] = [];
  const after: SequenceRange[] = [];
  let first = sequence;
  let last = sequence;
  for (const range of applied.get(epoch) ?? []) {
    if (range[1] === sequence - 1) first = range[0];
    else if (range[0] === sequence + 1) last = range[1];
    else if (range[1] < sequence) before.push(range);
    else after.push(range);
  }
  return new Map([...applied, [epoch, [...before, [first, last], ...after]]]);
}

/**
 * The set as text, epochs ascending: `1764000000000:1-204,206;1764000100000:1`. Empty text for the empty set.
 */
export function formatApplied(applied: Applied): string {
  return [...applied]
    .toSorted(([a], [b]) => a - b)
    .map(
      ([epoch, ranges]) =>
        `${epoch}:${ranges.map(([first, last]) => (first === last ? first : `${first}-${last}`)).join(',')}`,
    )
    .join(';');
}

const APPLIED = /^(\d+:\d+(-\d+)?(,\d+(-\d+)?)*)(;\d+:\d+(-\d+)?(,\d+(-\d+)?)*)*$/;

/** @throws {RangeError} If the text is not what {@link formatApplied} writes. */
export function parseApplied(text: string): Applied {
  if (text === '') return new Map();
  const malformed = (): RangeError => new RangeError(`Cannot read applied ranges: '${text.slice(0, 80)}'`);
  if (!APPLIED.test(text)) throw malformed();
  const applied: Applied = new Map(text.split(';').map(parseEpoch));
  // An epoch that stands twice, or ranges out of order, would lose batches without a sound.
  if (![...applied.values()].every(isAscending) || formatApplied(applied) !== text) throw malformed();
  return applied;
}

function parseEpoch(part: string): [epoch: number, ranges: readonly SequenceRange[]] {
  const [epoch, ranges = ''] = part.split(':');
  return [
    Number(epoch),
    ranges.split(',').map((range): SequenceRange => {
      const [first, last = first] = range.split('-').map(Number);
      return [Number(first), Number(last)];
    }),
  ];
}

function isAscending(ranges: readonly SequenceRange[]): boolean {
  let end = Number.NEGATIVE_INFINITY;
  return ranges.every(([first, last]) => {
    const fits = end + 1 < first && first <= last;
    end = last;
    return fits;
  });
}
