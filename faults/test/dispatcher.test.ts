import { setTimeout as sleep } from 'node:timers/promises';
import { expect, inject, onTestFinished, test } from 'vitest';
import { startDispatcher } from '../src/stack/dispatcher.ts';

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 30_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error('It did not come true in 30 s');
    await sleep(20);
  }
}

test('the process of the event sources is started again when it ends by itself, and that is told', async () => {
  const told: string[] = [];
  const spawned: number[] = [];
  const ended: number[] = [];
  const dispatcher = await startDispatcher({
    brokers: inject('kafkaBrokers'),
    sources: [],
    services: new Map(),
    log: (line) => told.push(line),
    onSpawn: (pid) => spawned.push(pid),
    onExit: (pid) => ended.push(pid),
  });
  onTestFinished(() => dispatcher.stop());
  const first = dispatcher.pid();
  process.kill(first, 'SIGKILL');
  await until(() => dispatcher.pid() !== first);
  expect(told[0]).toBe(
    `The process of the event sources (pid ${first}) ended by itself (SIGKILL), and is started again`,
  );
  await dispatcher.kill();
  await dispatcher.stop();
  expect(spawned).toHaveLength(3);
  expect(ended).toEqual(spawned);
  expect(told).toHaveLength(1);
});
