import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { bundledPrograms, sourcePrograms } from '../src/programs.ts';

const folder = mkdtempSync(join(tmpdir(), 'kandle-programs-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test('bundledPrograms() bundles once, and again when a source has changed or the bundle is gone', async () => {
  const lines: string[] = [];
  const prepare = () => bundledPrograms(['transform'], (line) => lines.push(line), folder);

  const first = (await prepare()).get('transform');
  expect(lines).toEqual([expect.stringMatching(/^Bundled transform in \d+\.\d s$/)]);
  expect(existsSync(first?.script ?? '')).toBe(true);
  expect(first?.env['CODE_CACHE']?.startsWith(folder)).toBe(true);

  expect((await prepare()).get('transform')).toEqual(first);
  expect(lines).toHaveLength(1);

  // As if a source had another time than when the bundle was made.
  const stampFile = join(folder, 'transform.json');
  const stamp = readFileSync(stampFile, 'utf8');
  writeFileSync(stampFile, stamp.replace(/("functions\/transform\/src\/index.ts":"\d+ )[\d.]+/, '$11'));
  expect(readFileSync(stampFile, 'utf8')).not.toBe(stamp);
  // The same content again: the same folder, so that code compiled before is still found.
  expect((await prepare()).get('transform')).toEqual(first);
  expect(lines).toHaveLength(2);

  rmSync(first?.script ?? '');
  const again = (await prepare()).get('transform');
  expect(lines).toHaveLength(3);
  expect(existsSync(again?.script ?? '')).toBe(true);
});

test('bundledPrograms() removes bundles that nobody has made or run for a day, and only those', async () => {
  const [old, young] = ['transform-0123456789abcdef', 'transform-fedcba9876543210'].map((name) =>
    join(folder, name),
  );
  for (const one of [old, young]) writeFileSync(one ?? '', '');
  utimesSync(old ?? '', 0, 0);
  rmSync(join(folder, 'transform.json'), { force: true });
  await bundledPrograms(['transform'], () => undefined, folder);
  expect(existsSync(old ?? '')).toBe(false);
  expect(existsSync(young ?? '')).toBe(true);
  // Nothing half-written is left behind.
  expect(readdirSync(folder).filter((name) => name.startsWith('.'))).toEqual([]);
});

test('sourcePrograms() names the sources and sets nothing', () => {
  const program = sourcePrograms(['persist']).get('persist');
  expect(program?.script).toMatch(/functions\/persist\/src\/index\.ts$/);
  expect(program?.env).toEqual({});
});
