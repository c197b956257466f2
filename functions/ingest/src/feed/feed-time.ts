/**
 * A feed's own time, in milliseconds from an unknown start: what passes between two of its trades.
 *
 * Live it is the monotonic clock. In a replay it is the monotonic clock times the speed, and stands still while
 * the recording does: nobody connected, or the socket held back. At unlimited speed only the server can tell how
 * much recorded time has passed ({@link FeedTime.pass}).
 */
export interface FeedTime {
  nowMs(): number;
  /** The feed stands still; live, nothing stands still. */
  stop(): void;
  /** The feed goes on. */
  go(): void;
  /** The server says that so much recorded time has passed; believed at unlimited speed only. */
  pass(passedMs: number): void;
}

/** @param speed Times the recorded speed; undefined for a live feed, Infinity for one as fast as it goes. */
export function createFeedTime(speed: number | undefined, monotonicMs: () => number): FeedTime {
  if (speed === undefined) {
    return { nowMs: monotonicMs, stop: () => undefined, go: () => undefined, pass: () => undefined };
  }
  let passed = 0;
  if (!Number.isFinite(speed)) {
    return {
      nowMs: () => passed,
      stop: () => undefined,
      go: () => undefined,
      pass: (passedMs) => {
        passed += passedMs;
      },
    };
  }
  let goingSince: number | null = null;
  const nowMs = () => passed + (goingSince === null ? 0 : (monotonicMs() - goingSince) * speed);
  return {
    nowMs,
    stop() {
      passed = nowMs();
      goingSince = null;
    },
    go() {
      goingSince ??= monotonicMs();
    },
    pass: () => undefined,
  };
}
