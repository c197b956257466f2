/** The value that a share of the sorted numbers lies below; NaN of none. */
export function quantile(numbers: readonly number[], share: number): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

/** The slope of the line of least squares through points, in y per x; NaN of fewer than two. */
function slopeOf(points: readonly (readonly [x: number, y: number])[]): number {
  const meanOf = (values: readonly number[]): number =>
    values.reduce((sum, value) => sum + value, 0) / values.length;
  const meanX = meanOf(points.map(([x]) => x));
  const meanY = meanOf(points.map(([, y]) => y));
  const over = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  const under = points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
  return over / under;
}

/**
 * How fast a heap grows, in y per x; NaN of fewer than two points.
 *
 * A heap that is seldom collected goes up and down: the line through it says that it grows or shrinks, by
 * where the last wave was cut off. What a leak raises is also what the heap falls back to, so the lowest of the
 * first half is compared with the lowest of the second, and the lesser of both slopes counts.
 */
export function growthOf(points: readonly (readonly [x: number, y: number])[]): number {
  const half = Math.floor(points.length / 2);
  const lowest = (some: typeof points): number => Math.min(...some.map(([, y]) => y));
  const span = ((points.at(-1)?.[0] ?? Number.NaN) - (points[0]?.[0] ?? Number.NaN)) / 2;
  return Math.min(slopeOf(points), (lowest(points.slice(half)) - lowest(points.slice(0, half))) / span);
}
