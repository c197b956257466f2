import type { Random } from '@kandle/tooling/random';

/** The value of one symbol, between its trades too. */
export interface PriceWalk {
  /** The value after the time that has passed; a time before the last one changes nothing. */
  moveTo(atMs: number): number;
  /** A second is over: how far the value went in it decides how far the next may go. */
  endSecond(atMs: number): void;
}

/**
 * GARCH(1,1): weight of the last second's square, and of the variance before it. Their sum, 0.98, is how long
 * storms last.
 */
const ALPHA = 0.1;
const BETA = 0.88;
/** The variance stays within these multiples of its long-run value. */
const MIN_VARIANCE = 0.04;
const MAX_VARIANCE = 36;
/** The value stays within a factor of 8 of where it began, so that ticks keep their proportion. */
const MAX_LOG = Math.log(8);

/**
 * A random walk of the logarithm whose volatility comes in clusters: GARCH(1,1) over seconds (Bollerslev 1986,
 * "Generalized autoregressive conditional heteroskedasticity").
 *
 * @param volatility Standard deviation of the logarithm after one second, in the long run.
 */
export function createPriceWalk(
  random: Random,
  startPrice: number,
  volatility: number,
  startMs: number,
): PriceWalk {
  const longRun = volatility ** 2;
  let variance = longRun;
  let log = 0;
  let atSecondStart = 0;
  let lastMs = startMs;

  function moveTo(atMs: number): number {
    if (atMs > lastMs) {
      log += Math.sqrt((variance * (atMs - lastMs)) / 1_000) * random.gaussian();
      if (Math.abs(log) > MAX_LOG) log = Math.sign(log) * MAX_LOG;
      lastMs = atMs;
    }
    return startPrice * Math.exp(log);
  }

  return {
    moveTo,
    endSecond(atMs) {
      moveTo(atMs);
      const next = (1 - ALPHA - BETA) * longRun + ALPHA * (log - atSecondStart) ** 2 + BETA * variance;
      variance = Math.min(Math.max(next, MIN_VARIANCE * longRun), MAX_VARIANCE * longRun);
      atSecondStart = log;
    },
  };
}
