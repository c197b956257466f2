import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { bundleFunction, programNames, ROOT } from '../bundle.ts';

const folder = mkdtempSync(join(tmpdir(), 'kandle-bundle-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test.each(programNames())('bundleFunction() gives the same bytes twice, for %s', async (name) => {
  const here = process.cwd();
  const first = await bundleFunction(name, join(folder, 'first'));
  process.chdir(folder);
  const second = await bundleFunction(name, join(folder, 'second')).finally(() => process.chdir(here));
  for (const file of ['index.cjs', 'LICENSES.txt']) {
    const [a, b] = ['first', 'second'].map((build) => readFileSync(join(folder, build, name, file)));
    expect(a?.equals(b ?? Buffer.alloc(0))).toBe(true);
  }
  expect(first.bytes).toBe(second.bytes);
  const text = readFileSync(first.file, 'utf8');
  // Nothing of the machine that built it, and nothing but Node's own modules is asked for when it starts.
  expect(text).not.toContain(ROOT);
  expect(text).not.toContain(folder);
});

test('bundleFunction() keeps the licence of every package in it', async () => {
  await bundleFunction('aggregate', folder);
  const text = readFileSync(join(folder, 'aggregate', 'LICENSES.txt'), 'utf8');
  for (const name of ['cassandra-driver', 'kafkajs', 'zod', 'faas-js-runtime', 'fastify']) {
    expect(text).toMatch(new RegExp(`^== ${name} \\d`, 'm'));
  }
  expect(text).toContain('Permission is hereby granted');
  expect(text).toContain('Apache License');
});

test('bundleFunction() names the functions there are, when asked for another', async () => {
  await expect(bundleFunction('agregate', folder)).rejects.toThrow(
    /^Cannot bundle agregate: there is no function of this name \(aggregate, /,
  );
});
