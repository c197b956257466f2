import { expect, test } from 'vitest';
import { createRunAll } from './run-all.ts';

test('createRunAll() runs no more tasks at once than fit, over all callers', async () => {
  const runAll = createRunAll(3);
  let running = 0;
  let most = 0;
  const task = async (): Promise<void> => {
    running += 1;
    most = Math.max(most, running);
    await new Promise((resolve) => setImmediate(resolve));
    running -= 1;
  };
  await Promise.all([runAll([1, 2, 3, 4, 5], task), runAll([6, 7, 8], task)]);
  expect(most).toBe(3);
  expect(running).toBe(0);
});

test('createRunAll() begins nothing more and rejects with the first error, when a task fails', async () => {
  const runAll = createRunAll(1);
  const begun: number[] = [];
  const failing = runAll([1, 2, 3], async (item) => {
    begun.push(item);
    if (item === 2) throw new Error(`task ${item} failed`);
  });
  await expect(failing).rejects.toThrow('task 2 failed');
  expect(begun).toEqual([1, 2]);
  await runAll([4], async (item) => void begun.push(item));
  expect(begun).toEqual([1, 2, 4]);
});

test('createRunAll() returns what the tasks returned in the order of the items, when the first end last', async () => {
  const runAll = createRunAll(3);
  const ended: number[] = [];
  const results = await runAll([30, 15, 0], async (ms) => {
    await new Promise((resolve) => setTimeout(resolve, ms));
    ended.push(ms);
    return `${ms} ms`;
  });
  expect(ended).toEqual([0, 15, 30]);
  expect(results).toEqual(['30 ms', '15 ms', '0 ms']);
});
