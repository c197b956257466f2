import { expect, test } from 'vitest';
import { createGate } from './gate.ts';

test('runAll() runs no more tasks at once than fit, over all callers', async () => {
  const gate = createGate(3);
  let running = 0;
  let most = 0;
  const task = async (): Promise<void> => {
    running += 1;
    most = Math.max(most, running);
    await new Promise((resolve) => setImmediate(resolve));
    running -= 1;
  };
  await Promise.all([gate.runAll([1, 2, 3, 4, 5], task), gate.runAll([6, 7, 8], task)]);
  expect(most).toBe(3);
  expect(running).toBe(0);
});

test('runAll() begins nothing more and rejects with the first error, when a task fails', async () => {
  const gate = createGate(1);
  const begun: number[] = [];
  const failing = gate.runAll([1, 2, 3], async (item) => {
    begun.push(item);
    if (item === 2) throw new Error(`task ${item} failed`);
  });
  await expect(failing).rejects.toThrow('task 2 failed');
  expect(begun).toEqual([1, 2]);
  await gate.runAll([4], async (item) => void begun.push(item));
  expect(begun).toEqual([1, 2, 4]);
});
