/**
 * A feed's own time, in milliseconds from an unknown start: what passes between two of its trades.
 *
 * Live it is the monotonic clock. In a replay it is the monotonic clock times the speed, and stands still while
 * the recording does: nobody connected, or the socket held back. At unlimited speed only the server can tell
 * how much recorded time has passed ({@link FeedTime.pass}).
 */
export interface FeedTime {
  nowMs(): number;
  /** The feed stands still; live, nothing stands still. */
  stop(): void;
  /** The feed goes on. */
  go(): void;
  /** The server says that so much recorded time has passed; believed at unlimited speed only. */
  pass(passedMs: number): void;
  /** The server says what the recorder's clock said now. */
  tell(recordedMs: number): void;
  /** What the recorder's clock says now, as far as it was told; null before that, and live. */
  recordedMs(): number | null;
}

/** @param speed Times the recorded speed; undefined for a live feed, Infinity for one as fast as it goes. */
export function createFeedTime(speed: number | undefined, monotonicMs: () => number): FeedTime {
  if (speed === undefined) {
    return {
      nowMs: monotonicMs,
      stop: () => undefined,
      go: () => undefined,
      pass: () => undefined,
      tell: () => undefined,
      recordedMs: () => null,
    };
  }
  let passed = 0;
  let told: { readonly recordedMs: number; readonly atMs: number } | null = null;
  const recorder = (nowMs: () => number): Pick<FeedTime, 'nowMs' | 'tell' | 'recordedMs'> => ({
    nowMs,
    tell: (recordedMs) => {
      told = { recordedMs, atMs: nowMs() };
    },
    recordedMs: () => (told === null ? null : told.recordedMs + nowMs() - told.atMs),
  });
  if (!Number.isFinite(speed)) {
    return {
      ...recorder(() => passed),
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
    ...recorder(nowMs),
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
