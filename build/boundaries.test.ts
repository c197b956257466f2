import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { ROOT } from './bundle.ts';

/**
 * What each workspace's sources may import, beside itself: `docs/architecture.md`, "The folders". A folder
 * stands after all that it may import, so a new arrow upwards has to be written down here first.
 */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  'packages/market': [],
  'packages/runtime': ['packages/market'],
  'packages/tooling': ['packages/runtime'],
  functions: ['packages/market', 'packages/runtime'],
  security: ['packages/market', 'packages/runtime', 'packages/tooling'],
  servers: ['packages/runtime', 'packages/tooling'],
  feeds: ['packages/market', 'packages/runtime', 'packages/tooling'],
  build: ['packages/runtime', 'packages/tooling'],
  knative: ['packages/runtime', 'packages/tooling', 'security'],
  grafana: ['packages/tooling'],
  audit: ['packages/market', 'packages/runtime', 'packages/tooling'],
  backfill: ['packages/market', 'packages/runtime', 'packages/tooling', 'feeds'],
  'packages/testkit': ['packages/market', 'packages/runtime', 'packages/tooling'],
  console: ['packages/market'],
  'stand-in': ['packages/market', 'packages/runtime', 'packages/tooling', 'build', 'knative', 'servers'],
  local: [
    'packages/market',
    'packages/runtime',
    'packages/tooling',
    'audit',
    'backfill',
    'feeds',
    'knative',
    'security',
    'servers',
    'stand-in',
  ],
};
/** Nobody's ground: these may import everything, and only tests import `testkit`. */
const ON_TOP = ['e2e', 'faults', 'bench'];

interface Import {
  readonly from: string;
  readonly specifier: string;
}

const PackageSchema = z.object({
  name: z.string(),
  exports: z.record(z.string(), z.string()).default({}),
});

const files = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '*.ts'], {
  cwd: ROOT,
  encoding: 'utf8',
})
  .split('\n')
  .filter((file) => file !== '' && existsSync(join(ROOT, file)));
const workspaces = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '*/package.json'], {
  cwd: ROOT,
  encoding: 'utf8',
})
  .split('\n')
  .filter((file) => file !== '' && existsSync(join(ROOT, file)))
  .map((file) => ({
    folder: dirname(file),
    ...PackageSchema.parse(JSON.parse(readFileSync(join(ROOT, file), 'utf8'))),
  }));

const imports: readonly Import[] = files.flatMap((from) =>
  [...readFileSync(join(ROOT, from), 'utf8').matchAll(/(?:\bfrom|\bimport)\s*\(?\s*'([^'\n]+)'/g)].map(
    ([, specifier = '']) => ({ from, specifier }),
  ),
);

const workspaceOf = (file: string) => workspaces.find(({ folder }) => file.startsWith(`${folder}/`));
const isTest = (file: string): boolean => /(^|\/)test\/|\.test\.ts$|^e2e\//.test(file);
/** `functions/persist` counts as `functions`: what one may, all may. */
const roomOf = (folder: string): string => (folder.startsWith('functions/') ? 'functions' : folder);

/** The file that an import means; null for one of a library. */
function targetOf({ from, specifier }: Import): string | null {
  if (specifier.startsWith('.')) return normalize(join(dirname(from), specifier));
  const workspace = workspaces.find(({ name }) => specifier.startsWith(`${name}/`));
  const path = workspace?.exports[`.${specifier.slice(workspace.name.length)}`];
  return workspace === undefined || path === undefined ? null : join(workspace.folder, path);
}

test('a workspace is entered by what its package.json exports, and by nothing else', () => {
  expect(workspaces.filter(({ exports }) => Object.keys(exports).some((name) => name.includes('*')))).toEqual(
    [],
  );
  const unnamed = imports.filter((one) => one.specifier.startsWith('@kandle/') && targetOf(one) === null);
  expect(unnamed).toEqual([]);
  const escapes = imports.filter(
    (one) =>
      one.specifier.startsWith('.') &&
      workspaceOf(one.from)?.folder !== workspaceOf(targetOf(one) ?? one.from)?.folder,
  );
  expect(escapes).toEqual([]);
});

test('imports point the way that is written down', () => {
  const upwards = imports.filter(({ from, specifier }) => {
    const own = workspaceOf(from);
    const other = workspaces.find(({ name }) => specifier.startsWith(`${name}/`));
    if (own === undefined || other === undefined || own === other) return false;
    const room = roomOf(own.folder);
    // A test may reach for whatever it tests with, but nothing rests on those on top.
    if (isTest(from) || ON_TOP.includes(room))
      return ON_TOP.includes(roomOf(other.folder)) && !ON_TOP.includes(room);
    return !(MAY_IMPORT[room] ?? []).includes(roomOf(other.folder));
  });
  expect(upwards).toEqual([]);
});

test('no file imports itself by a detour, types included', () => {
  const graph = new Map<string, string[]>();
  for (const one of imports) {
    const target = targetOf(one);
    if (target === null) continue;
    const targets = graph.get(one.from) ?? [];
    targets.push(target);
    graph.set(one.from, targets);
  }
  const state = new Map<string, 'open' | 'done'>();
  const cycles: string[] = [];
  function visit(file: string, path: readonly string[]): void {
    if (state.get(file) === 'done') return;
    if (state.get(file) === 'open') {
      cycles.push([...path.slice(path.indexOf(file)), file].join(' → '));
      return;
    }
    state.set(file, 'open');
    for (const target of graph.get(file) ?? []) visit(target, [...path, file]);
    state.set(file, 'done');
  }
  for (const file of graph.keys()) visit(file, []);
  expect(cycles).toEqual([]);
});

test('what the rules are about is there', () => {
  expect(files.length).toBeGreaterThan(500);
  expect(workspaces.map(({ folder }) => roomOf(folder))).toEqual(
    expect.arrayContaining(Object.keys(MAY_IMPORT)),
  );
  expect(
    [...new Set(workspaces.map(({ folder }) => roomOf(folder)))]
      .filter((room) => !ON_TOP.includes(room))
      .toSorted(),
  ).toEqual(Object.keys(MAY_IMPORT).toSorted());
});

test('comment lines end at column 112', () => {
  const long = files.flatMap((file) =>
    readFileSync(join(ROOT, file), 'utf8')
      .split('\n')
      .flatMap((line, n) => (/^\s*(\/\/|\/?\*)/.test(line) && line.length > 112 ? [`${file}:${n + 1}`] : [])),
  );
  expect(long).toEqual([]);
});
