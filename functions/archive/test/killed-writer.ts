import fs from 'node:fs';
import fsPromises from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';

/**
 * A program that writes one hour into the folder of its first argument, and kills itself just before the n-th
 * step on the file system, n being its second: nothing of what follows happens, as with SIGKILL from outside.
 */
const [folder = '', killAt = ''] = process.argv.slice(2);
let steps = 0;

type Step = (...args: readonly unknown[]) => unknown;

function counted(step: Step): Step {
  return (...args) => {
    steps += 1;
    if (steps === Number(killAt)) process.kill(process.pid, 'SIGKILL');
    return step(...args);
  };
}

function count(module: object, names: readonly string[]): void {
  for (const name of names) {
    const step: unknown = Reflect.get(module, name);
    if (typeof step === 'function')
      Reflect.set(
        module,
        name,
        counted((...args) => Reflect.apply(step, module, args)),
      );
  }
}
count(fs, ['openSync', 'writeSync', 'fsyncSync', 'closeSync']);
count(fsPromises, ['mkdir', 'rename', 'rm']);
syncBuiltinESMExports();

const { openHour } = await import('../src/hour-writer.ts');
const ranges = [
  { partition: 0, from: 0n, to: 2n },
  { partition: 1, from: 5n, to: 6n },
];
const writer = await openHour(join(folder, 'topic'), Date.parse('2026-11-29T10:00Z'), ranges);
for (const { partition, from, to } of ranges) {
  for (let offset = from; offset < to; offset++)
    writer.take(partition, {
      offset,
      timestampMs: 1,
      key: null,
      headers: {},
      value: Buffer.from(`v${offset}`),
    });
}
await writer.publish({ topic: 'topic', cluster: 'c', ends: [], lost: [] });
process.stdout.write(`steps ${steps}\n`);
