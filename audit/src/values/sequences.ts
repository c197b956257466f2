/** Batches of one shard, by epoch: the set of their sequences. */
export type Sequences = ReadonlyMap<number, ReadonlySet<number>>;

/** A batch of a shard. */
export interface BatchName {
  readonly epoch: number;
  readonly sequence: number;
}

/** True if a batch of a shard was made before another. */
export function isBefore(a: BatchName, b: BatchName): boolean {
  return a.epoch < b.epoch || (a.epoch === b.epoch && a.sequence < b.sequence);
}

/** Most batches that a window's `applied` may name; beyond that the text is taken for damaged. */
const MAX_BATCHES = 1_000_000;

/**
 * The batches that a window's column `applied` names: `1764000000000:1-204,206;1764000100000:1`.
 *
 * @throws {RangeError} If the text is not of this form.
 */
export function readSequences(text: string): Sequences {
  const epochs = new Map<number, Set<number>>();
  if (text === '') return epochs;
  let count = 0;
  for (const part of text.split(';')) {
    const [, epoch, ranges] = /^(\d{1,15}):([\d,-]+)$/.exec(part) ?? [];
    if (epoch === undefined || ranges === undefined) throw malformed(text);
    const sequences = epochs.get(Number(epoch)) ?? new Set<number>();
    epochs.set(Number(epoch), sequences);
    for (const range of ranges.split(',')) {
      const [, first, last = first] = /^(\d{1,15})(?:-(\d{1,15}))?$/.exec(range) ?? [];
      if (first === undefined || Number(last) < Number(first)) throw malformed(text);
      count += Number(last) - Number(first) + 1;
      if (count > MAX_BATCHES) throw malformed(text);
      for (let sequence = Number(first); sequence <= Number(last); sequence++) sequences.add(sequence);
    }
  }
  return epochs;
}

function malformed(text: string): RangeError {
  return new RangeError(`Cannot read applied batches: '${text.slice(0, 80)}'`);
}

/** Batches as the column `applied` has them: epochs and sequences ascending, neighbours joined to ranges. */
export function writeSequences(batches: Iterable<BatchName>): string {
  const epochs = new Map<number, Set<number>>();
  for (const { epoch, sequence } of batches) {
    const known = epochs.get(epoch);
    if (known === undefined) epochs.set(epoch, new Set([sequence]));
    else known.add(sequence);
  }
  return [...epochs]
    .toSorted(([a], [b]) => a - b)
    .map(([epoch, sequences]) => `${epoch}:${rangesOf(sequences)}`)
    .join(';');
}

function rangesOf(sequences: ReadonlySet<number>): string {
  const ranges: [first: number, last: number][] = [];
  for (const sequence of [...sequences].toSorted((a, b) => a - b)) {
    const open = ranges.at(-1);
    if (open !== undefined && open[1] === sequence - 1) open[1] = sequence;
    else ranges.push([sequence, sequence]);
  }
  return ranges.map(([first, last]) => (first === last ? `${first}` : `${first}-${last}`)).join(',');
}

/** True if the set names the batch. */
export function hasSequence(sequences: Sequences, { epoch, sequence }: BatchName): boolean {
  return sequences.get(epoch)?.has(sequence) ?? false;
}

/** The batches of a set, one by one. */
export function* batchesOf(sequences: Sequences): Generator<BatchName> {
  for (const [epoch, set] of sequences) for (const sequence of set) yield { epoch, sequence };
}
