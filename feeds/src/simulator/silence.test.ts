import { expect, test } from 'vitest';
import { createSilence, TRADING_MS } from './silence.ts';

const ALIGN_MS = 5_000;

test('falls silent again and again, each time at the end of a window', () => {
  const silence = createSilence(40_000, ALIGN_MS);
  silence.begin(1_001);
  const changes: [number, boolean][] = [];
  let before = false;
  for (let now = 1_001; now < 150_000; now += 10) {
    const isSilent = silence.isSilent(now);
    if (isSilent !== before) changes.push([Math.floor(now / 10) * 10, isSilent]);
    before = isSilent;
  }
  const first = Math.ceil((1_001 + TRADING_MS) / ALIGN_MS) * ALIGN_MS;
  expect(changes).toEqual([
    [first, true],
    [first + 40_000, false],
    [first + 40_000 + TRADING_MS, true],
    [first + 80_000 + TRADING_MS, false],
  ]);
});

test('is silent when it is told to be, for a time or until told otherwise', () => {
  const silence = createSilence(null, ALIGN_MS);
  silence.begin(0);
  expect(silence.isSilent(1_000_000)).toBe(false);
  silence.set(3_000, 1_000_000);
  expect([1_000_001, 1_002_999, 1_003_000].map((now) => silence.isSilent(now))).toEqual([true, true, false]);
  silence.set(true, 1_004_000);
  expect(silence.isSilent(9_000_000)).toBe(true);
  silence.set(false, 9_000_001);
  expect(silence.isSilent(9_000_001)).toBe(false);
});

test('trades a whole time after a silence that was asked for', () => {
  const silence = createSilence(40_000, ALIGN_MS);
  silence.begin(0);
  silence.set(true, 20_000);
  expect(silence.isSilent(500_000)).toBe(true);
  silence.set(false, 500_000);
  expect(silence.isSilent(500_000 + TRADING_MS - 1)).toBe(false);
  expect(silence.isSilent(500_000 + TRADING_MS)).toBe(true);
});
