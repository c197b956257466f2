import { ABSENT_WINDOW } from '@kandle/market/window/window-state';
import { expect, test } from 'vitest';
import { createWindowCache } from './window-cache.ts';

const window = { ...ABSENT_WINDOW, version: 1 };
const key = (windowStartMs: number) => ({ shard: 'a-00', windowStartMs });

test('createWindowCache() drops the least recently used window, when it is full', () => {
  const cache = createWindowCache(2);
  cache.set(key(1), window);
  cache.set(key(2), window);
  cache.get(key(1));
  cache.set(key(3), window);
  expect(cache.get(key(1))).toBe(window);
  expect(cache.get(key(2))).toBeUndefined();
  expect(cache.get(key(3))).toBe(window);
});

test('createWindowCache() holds one window, when it alone is larger than the bound', () => {
  const cache = createWindowCache(1);
  cache.set(key(1), window);
  cache.set(key(1), { ...window, version: 2 });
  cache.set(key(2), window);
  expect(cache.get(key(1))).toBeUndefined();
  expect(cache.get(key(2))).toBe(window);
});

test('createWindowCache() never holds a window that was never written', () => {
  const cache = createWindowCache(10);
  cache.set(key(1), ABSENT_WINDOW);
  expect(cache.get(key(1))).toBeUndefined();
});

test('createWindowCache() drops a window that was not used for five minutes', () => {
  let nowMs = 0;
  const cache = createWindowCache(1_000, () => nowMs);
  cache.set(key(1), window);
  cache.set(key(2), window);
  nowMs = 200_000;
  expect(cache.get(key(1))).toBe(window);
  nowMs = 300_000;
  cache.set(key(3), window);
  expect(cache.get(key(2))).toBeUndefined();
  expect(cache.get(key(1))).toBe(window);
});
