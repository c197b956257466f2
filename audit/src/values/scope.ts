/** Which windows are audited. */
export interface Scope {
  /** Only this feed's; null for all. */
  readonly feed: string | null;
  /** Windows that start from here on, and before there; null for no limit. */
  readonly sinceMs: number | null;
  readonly untilMs: number | null;
}

/** True if a window of a feed is to be audited. */
export function isInScope(scope: Scope, feed: string, windowStartMs: number): boolean {
  return (
    (scope.feed === null || scope.feed === feed) &&
    windowStartMs >= (scope.sinceMs ?? Number.NEGATIVE_INFINITY) &&
    windowStartMs < (scope.untilMs ?? Number.POSITIVE_INFINITY)
  );
}

/** The feed that a shard belongs to: `finnhub` for `finnhub-03`. */
export function feedOf(shard: string): string {
  return shard.replace(/-\d{2}$/, '');
}
