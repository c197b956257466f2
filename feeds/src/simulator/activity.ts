import type { Random } from '@kandle/tooling/random';

/** Which symbols trade how much; changes each second. */
export interface Activity {
  /** A second is over. */
  endSecond(): void;
  /** The place of the symbol that trades next. */
  pick(): number;
}

interface Mood {
  factor: number;
  secondsLeft: number;
}

/** The n-th symbol trades 1/n^0.9 as often as the first: a few make most of the trades (Zipf). */
const ZIPF = 0.9;
const PAUSE = 0.01;
const HOT = 0.02;
const HOT_FACTOR = 5;

/**
 * Symbols that pause for 3 to 20 seconds, trade as usual, or run hot for 2 to 8. Not all of them pause at once.
 */
export function createActivity(random: Random, count: number): Activity {
  const usual = Array.from({ length: count }, (_, index) => 1 / (index + 1) ** ZIPF);
  const moods = usual.map((): Mood => ({ factor: 1, secondsLeft: 0 }));
  const upTo = new Float64Array(count);
  let total = 0;

  function sumUp(): void {
    total = 0;
    usual.forEach((weight, index) => {
      total += weight * (moods[index]?.factor ?? 1);
      upTo[index] = total;
    });
  }

  function wake(): void {
    for (const mood of moods) mood.factor = 1;
    sumUp();
  }
  sumUp();

  return {
    endSecond() {
      for (const mood of moods) {
        mood.secondsLeft -= 1;
        if (mood.secondsLeft > 0) continue;
        mood.factor = 1;
        if (random.chance(PAUSE)) {
          mood.factor = 0;
          mood.secondsLeft = 3 + random.below(18);
        } else if (random.chance(HOT)) {
          mood.factor = HOT_FACTOR;
          mood.secondsLeft = 2 + random.below(7);
        }
      }
      sumUp();
      if (total === 0) wake();
    },
    pick() {
      const wanted = random.next() * total;
      let low = 0;
      let high = count - 1;
      while (low < high) {
        const middle = (low + high) >> 1;
        if ((upTo[middle] ?? 0) > wanted) high = middle;
        else low = middle + 1;
      }
      return low;
    },
  };
}
