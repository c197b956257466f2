import type { Random } from '@kandle/tooling/random';

/** How many trades fall into each step of the market. */
export interface RateProfile {
  /** Number of trades of the next step. */
  next(): number;
}

const BLOCK_SECONDS = 10;
const EMPTY_SECOND = 0.06;
const MOST_EMPTY_SECONDS = 2;
/** Chance that a step is a burst, and how many times the usual it brings. */
const BURST = 0.02;
const BURST_FACTOR = 10;

/**
 * Spreads a rate unevenly, as a market does: seconds that are busier than others, some with no trade at all,
 * and steps that bring ten times the usual. Every 10 seconds hold exactly their share.
 *
 * @param rate Trades a second.
 */
export function createRateProfile(random: Random, rate: number, stepMs: number): RateProfile {
  const stepsPerSecond = 1_000 / stepMs;
  let due: number[] = [];
  let place = 0;

  function nextBlock(): number[] {
    let empty = 0;
    const weights: number[] = [];
    for (let second = 0; second < BLOCK_SECONDS; second++) {
      const isEmpty = empty < MOST_EMPTY_SECONDS && random.chance(EMPTY_SECOND);
      if (isEmpty) empty += 1;
      const ofSecond = isEmpty ? 0 : 0.6 + 0.8 * random.next();
      for (let step = 0; step < stepsPerSecond; step++) {
        weights.push(ofSecond * (random.chance(BURST) ? BURST_FACTOR : random.exponential(1)));
      }
    }
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    let passed = 0;
    let given = 0;
    return weights.map((weight) => {
      passed += weight;
      const count = Math.round((rate * BLOCK_SECONDS * passed) / total) - given;
      given += count;
      return count;
    });
  }

  return {
    next() {
      if (place >= due.length) {
        due = nextBlock();
        place = 0;
      }
      const count = due[place] ?? 0;
      place += 1;
      return count;
    },
  };
}
