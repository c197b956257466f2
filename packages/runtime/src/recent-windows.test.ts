import { expect, test } from 'vitest';
import { createRecentWindows } from './recent-windows.ts';

interface Window {
  readonly version: number;
  readonly rows: ReadonlySet<string>;
}

const window: Window = { version: 1, rows: new Set() };
const key = (windowStartMs: number) => ({ shard: 'a-00', windowStartMs });

function createRig(maxRows: number) {
  const clock = { nowMs: 1 };
  const windows = createRecentWindows<Window>({ maxRows, monotonicMs: () => clock.nowMs });
  return { clock, windows };
}

test('createRecentWindows() lets the least recently used window go, when it is full', () => {
  const { windows } = createRig(2);
  windows.set(key(1), window);
  windows.set(key(2), window);
  windows.get(key(1));
  windows.set(key(3), window);
  expect([1, 2, 3].map((start) => windows.get(key(start)))).toEqual([window, undefined, window]);
});

test('createRecentWindows() counts the rows of a window, and an empty one as one', () => {
  const { windows } = createRig(4);
  windows.set(key(1), window);
  windows.set(key(2), { version: 1, rows: new Set(['A', 'B']) });
  expect(windows.get(key(1))).toBe(window);
  windows.set(key(2), { version: 2, rows: new Set(['A', 'B', 'C']) });
  windows.set(key(2), { version: 3, rows: new Set(['A', 'B', 'C', 'D']) });
  expect(windows.get(key(1))).toBeUndefined();
});

test('createRecentWindows() holds one window, when it alone is larger than the bound', () => {
  const { windows } = createRig(1);
  const large: Window = { version: 2, rows: new Set(['A', 'B']) };
  windows.set(key(1), window);
  windows.set(key(1), large);
  expect(windows.get(key(1))).toBe(large);
  windows.set(key(2), large);
  expect([windows.get(key(1)), windows.get(key(2))]).toEqual([undefined, large]);
});

test('createRecentWindows() never holds a window that was never written', () => {
  const { windows } = createRig(10);
  windows.set(key(1), window);
  windows.set(key(1), { ...window, version: 0 });
  expect(windows.get(key(1))).toBeUndefined();
});

test('createRecentWindows() lets a window go that was not used for five minutes', () => {
  const { clock, windows } = createRig(1_000);
  windows.set(key(1), window);
  windows.set(key(2), window);
  clock.nowMs = 200_000;
  expect(windows.get(key(1))).toBe(window);
  clock.nowMs = 300_002;
  windows.set(key(3), window);
  expect(windows.get(key(2))).toBeUndefined();
  expect(windows.get(key(1))).toBe(window);
});

test('createRecentWindows() holds no window that was dropped', () => {
  const { windows } = createRig(10);
  windows.set(key(1), window);
  windows.set(key(1), { ...window, version: 2 });
  windows.drop(key(1));
  expect(windows.get(key(1))).toBeUndefined();
});
