import { describe, expect, test } from 'vitest';
import { createScaler, type Scaler } from './scaler.ts';

const IDLE_MS = 30_000;
let nowMs = 0;

function scaler(plan: Partial<Parameters<typeof createScaler>[0]> = {}): Scaler {
  nowMs = 1_000;
  return createScaler({ minScale: 0, maxScale: 4, targetConcurrency: 10, ...plan }, IDLE_MS, () => nowMs);
}

describe('how many processes there should be', () => {
  test('is none before the first request', () => {
    expect(scaler().desired()).toBe(0);
  });

  test('is the least that is asked for, when nothing comes', () => {
    expect(scaler({ minScale: 2 }).desired()).toBe(2);
  });

  test('is one at the first request', () => {
    const it = scaler();
    it.note(1);
    expect(it.desired()).toBe(1);
  });

  test('is not raised by a moment in which much comes at once', () => {
    const it = scaler();
    it.note(1);
    nowMs += 6_000;
    it.note(35);
    nowMs += 1_000;
    // 5 s of 1 and 1 s of 35: an average of 6.7.
    expect(it.desired()).toBe(1);
  });

  test('follows the average of six seconds', () => {
    const it = scaler();
    it.note(35);
    nowMs += 6_000;
    expect(it.desired()).toBe(4);
  });

  test('is never more than the most that is allowed, unless that is 0', () => {
    for (const [maxScale, desired] of [
      [2, 2],
      [0, 10],
    ] as const) {
      const it = scaler({ maxScale });
      it.note(100);
      nowMs += 6_000;
      expect(it.desired()).toBe(desired);
    }
  });

  test('is none when nothing is asked of it, whatever the last seconds were like', () => {
    const it = scaler();
    it.note(35);
    nowMs += 6_000;
    it.note(0);
    expect(it.desired()).toBe(0);
  });

  test('does not go by a load from before it was told to forget', () => {
    const it = scaler();
    it.note(35);
    nowMs += 6_000;
    it.note(5);
    nowMs += 10;
    expect(it.desired()).toBe(4);
    it.forget();
    nowMs += 10;
    expect(it.desired()).toBe(1);
  });
});

describe('a process too many', () => {
  test('is seen after the idle time, and the next one after the same time again', () => {
    const it = scaler();
    it.note(1);
    const seen = Array.from({ length: 90 }, () => {
      nowMs += 1_000;
      return it.hasSurplus(3);
    });
    expect(seen.flatMap((isSurplus, second) => (isSurplus ? [second + 1] : []))).toEqual([30, 60, 90]);
  });

  test('is none as long as the load asks for it', () => {
    const it = scaler();
    it.note(25);
    for (let second = 0; second < 90; second++) {
      nowMs += 1_000;
      expect(it.hasSurplus(3)).toBe(false);
    }
  });

  test('has to be one too many for the whole time', () => {
    const it = scaler();
    it.note(5);
    nowMs += IDLE_MS - 1;
    expect(it.hasSurplus(2)).toBe(false);
    it.note(20);
    nowMs += 6_000;
    expect(it.hasSurplus(2)).toBe(false);
    it.note(5);
    nowMs += IDLE_MS - 1;
    expect(it.hasSurplus(2)).toBe(false);
    nowMs += 1;
    expect(it.hasSurplus(2)).toBe(true);
  });

  test('is never the only one, nor one of the least that are asked for', () => {
    for (const [minScale, live] of [
      [0, 1],
      [2, 2],
    ] as const) {
      const it = scaler({ minScale });
      nowMs += 10 * IDLE_MS;
      expect(it.hasSurplus(live)).toBe(false);
    }
  });
});
