/** When a market trades and when it does not. Times are milliseconds of any one clock. */
export interface Silence {
  /** Trading begins: from here on the time to the first silence is counted. */
  begin(nowMs: number): void;
  isSilent(nowMs: number): boolean;
  /** Silent for so long, until told otherwise (true), or not any more (false). */
  set(silent: boolean | number, nowMs: number): void;
}

/** How long a market with repeated silences trades before each, milliseconds. */
export const TRADING_MS = 30_000;

/**
 * The silences of a market.
 *
 * @param silenceMs How long each lasts; null for none but those that are asked for.
 * @param alignMs A silence begins at a multiple of this: at a window's end nothing is left waiting for the
 *   next.
 */
export function createSilence(silenceMs: number | null, alignMs: number): Silence {
  let silentUntilMs = Number.NEGATIVE_INFINITY;
  let nextSilenceMs = Number.POSITIVE_INFINITY;

  function plan(nowMs: number): void {
    if (silenceMs !== null) nextSilenceMs = Math.ceil((nowMs + TRADING_MS) / alignMs) * alignMs;
  }

  return {
    begin: plan,
    isSilent(nowMs) {
      if (nowMs >= nextSilenceMs && silenceMs !== null) {
        silentUntilMs = nextSilenceMs + silenceMs;
        plan(silentUntilMs);
      }
      return nowMs < silentUntilMs;
    },
    set(silent, nowMs) {
      if (silent === true) {
        silentUntilMs = Number.POSITIVE_INFINITY;
        nextSilenceMs = Number.POSITIVE_INFINITY;
      } else {
        silentUntilMs = silent === false ? nowMs : nowMs + silent;
        // After one that was asked for comes a whole time of trading.
        plan(silentUntilMs);
      }
    },
  };
}
