import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { findBadJars, readChecksums } from './checksums.ts';
import { areJarsVerified, markVerified } from './jar-cache.ts';

/** SHA-256 of "one" and "two". */
const list = [
  '7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed  a-1.jar',
  '3fc4ccfe745870e2c0d99f71f30ff0656c8dedd41cc1d7d3d376b0dbe685e2f3  b-2.jar',
];

let folder = '';
let listFile = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kandle-jars-'));
  listFile = join(folder, 'lib.sha256');
  writeFileSync(listFile, `${list.join('\n')}\n`);
  writeFileSync(join(folder, 'a-1.jar'), 'one');
  writeFileSync(join(folder, 'b-2.jar'), 'two');
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

test('findBadJars() finds nothing when every jar has its checksum', async () => {
  expect(await findBadJars(folder, await readChecksums(listFile))).toEqual([]);
});

test('findBadJars() names the jar that was changed, is missing or is too many', async () => {
  writeFileSync(join(folder, 'a-1.jar'), 'onf');
  rmSync(join(folder, 'b-2.jar'));
  writeFileSync(join(folder, 'c-3.jar'), '');
  expect(await findBadJars(folder, await readChecksums(listFile))).toEqual([
    'a-1.jar has another SHA-256 than the list',
    'b-2.jar is missing',
    'c-3.jar is not on the list',
  ]);
});

test('readChecksums() refuses a line that is no checksum', async () => {
  writeFileSync(listFile, 'a-1.jar\n');
  await expect(readChecksums(listFile)).rejects.toThrow(RangeError);
});

test('areJarsVerified() holds from the marker on, until a jar or the list changes', async () => {
  expect(await areJarsVerified(folder, listFile)).toBe(false);
  await markVerified(folder, listFile);
  expect(await areJarsVerified(folder, listFile)).toBe(true);
  writeFileSync(join(folder, 'a-1.jar'), 'on');
  expect(await areJarsVerified(folder, listFile)).toBe(false);
  writeFileSync(join(folder, 'a-1.jar'), 'one');
  writeFileSync(listFile, `${list[0]}\n`);
  expect(await areJarsVerified(folder, listFile)).toBe(false);
});
