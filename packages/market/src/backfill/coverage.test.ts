import { expect, test } from 'vitest';
import { createCoverage } from './coverage.ts';

const T0 = 1_764_000_000_000;

/** Frames of one trade each: second, symbol, and how much later the recorder heard it. */
function coverageOf(frames: readonly (readonly [second: number, symbol: string, lateMs?: number])[]) {
  const coverage = createCoverage();
  for (const [second, symbol, lateMs = 50] of frames) {
    const eventTimeMs = T0 + second * 1_000;
    coverage.see({ recvMs: eventTimeMs + lateMs, trades: [{ symbol, eventTimeMs }] });
  }
  return coverage;
}
const told = (seconds: readonly (readonly [number, number])[]) =>
  seconds.map(([from, to]) => [T0 + from * 1_000, T0 + to * 1_000]);

test('spansOf() is from the first trade to the last, but for two seconds at the ends', () => {
  expect(
    coverageOf([
      [0, 'A'],
      [60, 'B'],
      [120, 'B'],
    ]).spansOf('A'),
  ).toEqual(told([[2, 118]]));
});

test('spansOf() has a hole, when the recorder heard nothing for longer than a feed is silent', () => {
  const coverage = coverageOf([
    [0, 'A'],
    [100, 'A'],
    [300, 'A'],
    [400, 'A'],
  ]);
  expect(coverage.spansOf('A')).toEqual(
    told([
      [2, 98],
      [302, 398],
    ]),
  );
});

test('spansOf() has no hole, when frames without trades came meanwhile', () => {
  const coverage = createCoverage();
  const see = (second: number, trades: readonly { symbol: string; eventTimeMs: number }[]): void =>
    coverage.see({ recvMs: T0 + second * 1_000, trades });
  see(0, [{ symbol: 'A', eventTimeMs: T0 }]);
  for (let second = 60; second < 600; second += 60) see(second, []);
  see(600, [{ symbol: 'A', eventTimeMs: T0 + 600_000 }]);
  expect(coverage.spansOf('A')).toEqual(told([[2, 598]]));
});

test('spansOf() is empty, when the recording does not have the symbol, or has it delayed', () => {
  const coverage = coverageOf([
    [0, 'A'],
    [1, 'LATE', 1_200_000],
    [100, 'A'],
  ]);
  expect(coverage.spansOf('LATE')).toEqual([]);
  expect(coverage.spansOf('NONE')).toEqual([]);
  expect(
    coverageOf([
      [0, 'A'],
      [3, 'A'],
    ]).spansOf('A'),
  ).toEqual([]);
});
