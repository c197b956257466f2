import { WINDOW_MS } from './window.ts';

/**
 * Stretches of event time, both ends included, in which trades may be missing: ascending, disjoint and merged
 * where they meet.
 */
export type GapSpans = readonly GapSpan[];

/** One stretch: its first and its last millisecond. */
export type GapSpan = readonly [fromMs: number, toMs: number];

/** How many stretches are kept, and from when on. */
export interface GapBounds {
  /** A stretch that ended before this is forgotten. */
  readonly oldestMs: number;
  readonly maxSpans: number;
}

/** True if a window holds a millisecond of a stretch. */
export function touchesGap(spans: GapSpans, windowStartMs: number, windowMs = WINDOW_MS): boolean {
  return spans.some(([fromMs, toMs]) => fromMs < windowStartMs + windowMs && windowStartMs <= toMs);
}

/**
 * The stretches with one more. In whatever order they are added, the same ones come out, as long as the bounds
 * do not bite: beyond `maxSpans` the two that are nearest to each other become one, so that a stretch may grow
 * but is never lost.
 *
 * @throws {RangeError} If the stretch ends before it begins.
 */
export function addSpan(spans: GapSpans, [fromMs, toMs]: GapSpan, bounds: GapBounds): GapSpans {
  if (toMs < fromMs) throw new RangeError(`Cannot note a gap: it ends at ${toMs}, before it begins`);
  const meets = (span: GapSpan): boolean => span[0] <= toMs + 1 && fromMs <= span[1] + 1;
  const met = spans.filter(meets);
  const merged: GapSpan = [
    Math.min(fromMs, ...met.map(([from]) => from)),
    Math.max(toMs, ...met.map(([, to]) => to)),
  ];
  const sorted = [...spans.filter((span) => !meets(span)), merged].toSorted(([a], [b]) => a - b);
  const kept = sorted.filter(([, to]) => to >= bounds.oldestMs);
  while (kept.length > bounds.maxSpans) joinNearest(kept);
  return kept;
}

function joinNearest(spans: GapSpan[]): void {
  let nearest = 0;
  let distance = Number.POSITIVE_INFINITY;
  for (const [index, [fromMs]] of spans.entries()) {
    const before = spans[index - 1];
    if (before === undefined || fromMs - before[1] >= distance) continue;
    distance = fromMs - before[1];
    nearest = index;
  }
  const [left, right] = spans.slice(nearest - 1, nearest + 1);
  if (left !== undefined && right !== undefined) spans.splice(nearest - 1, 2, [left[0], right[1]]);
}

/** The stretches as text: `1700000000000-1700000004999,1700000010000-1700000010000`; empty for none. */
export function formatSpans(spans: GapSpans): string {
  return spans.map(([fromMs, toMs]) => `${fromMs}-${toMs}`).join(',');
}

const SPANS = /^\d{1,15}-\d{1,15}(,\d{1,15}-\d{1,15})*$/;

/** @throws {RangeError} If the text is not what {@link formatSpans} writes. */
export function parseSpans(text: string): GapSpans {
  if (text === '') return [];
  const spans = text.split(',').map((part): GapSpan => {
    const [fromMs = Number.NaN, toMs = Number.NaN] = part.split('-').map(Number);
    return [fromMs, toMs];
  });
  let end = Number.NEGATIVE_INFINITY;
  const isAscending = spans.every(([fromMs, toMs]) => {
    const fits = end + 1 < fromMs && fromMs <= toMs;
    end = toMs;
    return fits;
  });
  if (!SPANS.test(text) || !isAscending)
    throw new RangeError(`Cannot read gaps: '${text.slice(0, 80)}' is not a list of stretches`);
  return spans;
}
