import { WINDOW_MS } from '@kandle/market/window/window';
import { expect, test } from 'vitest';
import { createMemoryStore } from '../test/memory-store.ts';
import { ABSENT, type StateWindow } from '@kandle/market/signal/series-state';
import { afterWrite, createStateMemory } from './state-memory.ts';

const REACH = 3;
/** In the middle of an hour, and at the end of one. */
const MIDDLE = 100;
const LAST = 719;
const key = (place: number) => ({ shard: 'a-00', windowStartMs: place * WINDOW_MS });
const places = (windows: ReadonlyMap<number, StateWindow> | undefined) =>
  [...(windows?.keys() ?? [])].map((startMs) => startMs / WINDOW_MS);

function createMemory(maxRows: number) {
  const clock = { nowMs: 1 };
  const store = createMemoryStore();
  const memory = createStateMemory(store, { reach: REACH, maxRows, monotonicMs: () => clock.nowMs });

  /** Writes the next version of a window on what is remembered or read, as a process does. */
  async function write(place: number, by = memory) {
    const around = by.recall(key(place)) ?? (await by.refresh(key(place)));
    const window = around.windows.get(key(place).windowStartMs) ?? ABSENT;
    const next = { ...window, version: window.version + 1 };
    const suspended = by.suspend(key(place));
    const outcome = await store.compareAndSet(key(place), next, around.changes);
    if (outcome === 'applied') by.resume(key(place), next, around.changes, suspended);
    return { outcome, proven: outcome === 'applied' ? afterWrite(around, next, key(place), REACH) : null };
  }

  return { clock, store, memory, write };
}

test('a write that was applied proves the windows around it, and the next event needs no read', async () => {
  const { memory, write } = createMemory(1_000);
  await write(MIDDLE - 2);
  await write(MIDDLE);
  const { proven } = await write(MIDDLE + 1);
  expect(places(proven?.windows)).toEqual([MIDDLE - 2, MIDDLE, MIDDLE + 1]);
  expect(proven).toMatchObject({ later: [], changes: 3 });
  // What is remembered of the next window is the same.
  const recalled = memory.recall(key(MIDDLE + 2));
  expect(places(recalled?.windows)).toEqual([MIDDLE, MIDDLE + 1]);
  expect(recalled).toMatchObject({ later: [], changes: 3 });
});

test('a write is lost, and what is remembered forgotten, when another process wrote a neighbour', async () => {
  const { store, memory, write } = createMemory(1_000);
  await write(MIDDLE);
  const other = createStateMemory(store, { reach: REACH, maxRows: 1_000, monotonicMs: () => 1 });
  expect((await write(MIDDLE - 1, other)).outcome).toBe('applied');
  expect((await write(MIDDLE + 1)).outcome).toBe('lost');
  expect(memory.recall(key(MIDDLE + 1))).toBeNull();
  const { proven } = await write(MIDDLE + 1);
  expect(places(proven?.windows)).toEqual([MIDDLE - 1, MIDDLE, MIDDLE + 1]);
});

test('a write proves nothing, where the windows around it reach into another hour', async () => {
  const { write } = createMemory(1_000);
  for (const [place, isProven] of [
    [LAST - REACH, true],
    [LAST - REACH + 1, false],
    [LAST, false],
    [LAST + REACH, false],
    [LAST + REACH + 1, true],
  ] as const)
    expect([place, (await write(place)).proven !== null]).toEqual([place, isProven]);
});

test('later windows are known, also beyond what was written last', async () => {
  const { memory, write } = createMemory(1_000);
  for (const place of [MIDDLE, MIDDLE + 2, MIDDLE + 9]) await write(place);
  const recalled = memory.recall(key(MIDDLE));
  expect(recalled).toMatchObject({ later: [(MIDDLE + 2) * WINDOW_MS] });
  expect((await memory.refresh(key(MIDDLE))).later).toEqual([(MIDDLE + 2) * WINDOW_MS]);
});

test('nothing is remembered of a window that was read older than it is', async () => {
  const { store, memory, write } = createMemory(1_000);
  await write(MIDDLE);
  const { windows, changes } = await memory.refresh(key(MIDDLE));
  const [window = ABSENT] = windows.values();
  // An answer that came late: the window as it was before it was written again.
  const suspended = memory.suspend(key(MIDDLE));
  const next = { ...window, version: 2 };
  expect(await store.compareAndSet(key(MIDDLE), next, changes)).toBe('applied');
  memory.resume(key(MIDDLE), next, changes, suspended);
  expect(memory.recall(key(MIDDLE))?.windows.get(MIDDLE * WINDOW_MS)?.version).toBe(2);
  memory.resume(key(MIDDLE), window, changes, null);
  expect(memory.recall(key(MIDDLE))).toBeNull();
});

test('a window that was not used for five minutes is held no longer', async () => {
  const { clock, memory, write } = createMemory(1_000);
  await write(MIDDLE - 1);
  await write(MIDDLE);
  clock.nowMs = 299_999;
  expect(places(memory.recall(key(MIDDLE))?.windows)).toEqual([MIDDLE - 1, MIDDLE]);
  clock.nowMs = 600_000;
  await memory.read({ ...key(1), shard: 'a-01' });
  // Windows that exist are gone: a look is needed.
  expect(memory.recall(key(MIDDLE))).toBeNull();
});

test('with more rows than the bound the least recently used window goes first', async () => {
  const { memory, write } = createMemory(2);
  for (const place of [MIDDLE - 2, MIDDLE - 1, MIDDLE]) await write(place);
  expect(memory.recall(key(MIDDLE))).toBeNull();
  expect(places(memory.recall(key(MIDDLE + 2))?.windows)).toEqual([MIDDLE - 1, MIDDLE]);
});
