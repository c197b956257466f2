import { WINDOW_MS } from '@kandle/market/window/window';
import { expect, test } from 'vitest';
import { createMemoryStore } from '../test/memory-store.ts';
import type { StateWindow } from '@kandle/market/signal/series-state';
import { createStateMemory } from './state-memory.ts';

const REACH = 3;
const window: StateWindow = { version: 1, pending: 0, recomputedToMs: null, rows: new Map() };
const key = (place: number) => ({ shard: 'a-00', windowStartMs: place * WINDOW_MS });

function createMemory(maxRows: number) {
  const clock = { nowMs: 1 };
  return {
    clock,
    memory: createStateMemory(createMemoryStore(), { reach: REACH, maxRows, monotonicMs: () => clock.nowMs }),
  };
}

test('a window that was not used for five minutes is held no longer', async () => {
  const { clock, memory } = createMemory(1_000);
  await memory.refresh(key(10));
  memory.set(key(9), window);
  memory.set(key(10), window);
  clock.nowMs = 299_999;
  expect([...(memory.recall(key(10))?.windows.keys() ?? [])]).toEqual([9 * WINDOW_MS, 10 * WINDOW_MS]);
  clock.nowMs = 600_000;
  memory.set({ ...key(1), shard: 'a-01' }, window);
  // Windows of the stretch are gone: what exists in it is not known without a look.
  expect(memory.recall(key(10))).toBeNull();
});

test('what is known of a stretch stays known, when a window before it is held no longer', async () => {
  const { clock, memory } = createMemory(1_000);
  memory.set(key(1), window);
  clock.nowMs = 200_000;
  await memory.refresh(key(10));
  memory.set(key(10), window);
  clock.nowMs = 300_002;
  memory.set(key(11), window);
  expect([...(memory.recall(key(11))?.windows.keys() ?? [])]).toEqual([10 * WINDOW_MS, 11 * WINDOW_MS]);
});

test('with more rows than the bound the least recently used window goes first', async () => {
  const { memory } = createMemory(2);
  await memory.refresh(key(10));
  for (const place of [8, 9, 10]) memory.set(key(place), window);
  expect(memory.recall(key(10))).toBeNull();
});
