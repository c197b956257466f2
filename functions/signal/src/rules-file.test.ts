import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseRules } from '@kandle/market/signal/rules';
import { FatalError } from '@kandle/runtime/errors';
import { afterAll, expect, test } from 'vitest';
import { parse } from 'yaml';
import { defaultRulesFile, watchRules } from './rules-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'kandle-rules-'));
afterAll(() => rmSync(folder, { recursive: true }));

function watched(name: string, text: string) {
  const path = join(folder, name);
  writeFileSync(path, text);
  return watchPath(path);
}

function watchPath(path: string) {
  const lines: string[] = [];
  let nowMs = 0;
  const log = { info: (line: string) => lines.push(line), error: (line: string) => lines.push(line) };
  const rules = watchRules({
    path,
    maxRepeatedWindows: 12,
    monotonicMs: () => nowMs,
    log: log as never,
  });
  return {
    path,
    lines,
    write: (next: string) => writeFileSync(path, next),
    /** The names of the rules, a good while later. */
    namesLater(): readonly string[] {
      nowMs += 60_000;
      return rules().map(({ name }) => name);
    },
    namesNow: (): readonly string[] => rules().map(({ name }) => name),
  };
}

test('watchRules() reads the file again, when it changed, but not with every event', () => {
  const file = watched('changing.yaml', 'rules: [{ name: one, kind: rsi }]');
  expect(file.namesLater()).toEqual(['one']);
  file.write('rules: [{ name: first, kind: rsi }, { name: second, kind: price-jump }]');
  expect(file.namesNow()).toEqual(['one']);
  expect(file.namesLater()).toEqual(['first', 'second']);
  expect(file.lines).toEqual([`Read 2 rules from ${file.path}`]);
});

test('watchRules() keeps the rules before and says once what is wrong, when the file turns bad', () => {
  const file = watched('bad.yaml', 'rules: [{ name: one, kind: rsi }]');
  file.write('rules: [{ name: broken, kind: rsi, over: 200 }]');
  expect(file.namesLater()).toEqual(['one']);
  expect(file.namesLater()).toEqual(['one']);
  expect(file.lines).toEqual([expect.stringMatching(/rule broken, over: .*; the rules before stay$/)]);
  rmSync(file.path);
  expect(file.namesLater()).toEqual(['one']);
  expect(file.namesLater()).toEqual(['one']);
  expect(file.lines).toHaveLength(2);
  file.write('rules: []');
  expect(file.namesLater()).toEqual([]);
});

test('watchRules() follows a mounted ConfigMap, when its link is turned to another folder', () => {
  for (const name of ['one', 'two']) {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, 'rules.yaml'), `rules: [{ name: ${name}, kind: rsi }]`);
    // The same time and size: Kubernetes makes no promise that they differ.
    utimesSync(join(folder, name, 'rules.yaml'), 1, 1);
  }
  symlinkSync('one', join(folder, '..data'));
  symlinkSync(join('..data', 'rules.yaml'), join(folder, 'mounted.yaml'));
  const rules = watchPath(join(folder, 'mounted.yaml'));
  expect(rules.namesLater()).toEqual(['one']);
  symlinkSync('two', join(folder, '..data_tmp'));
  renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
  expect(rules.namesLater()).toEqual(['two']);
});

test('watchRules() reads JSON too', () => {
  const file = watched('rules.json', '{"rules": [{"name": "one", "kind": "silence"}]}');
  expect(file.namesNow()).toEqual(['one']);
});

test.each([
  ['is no YAML', 'rules: [', /cannot be read: /],
  ['has a bad rule', 'rules: [{ name: x, kind: no }]', /rule x, kind: /],
])('watchRules() lets nothing start, when the file %s', (_, text, message) => {
  expect(() => watched('start.yaml', text)).toThrow(FatalError);
  expect(() => watched('start.yaml', text)).toThrow(message);
});

test('defaultRulesFile() is beside the main program, else above it', () => {
  writeFileSync(join(folder, 'rules.yaml'), 'rules: []');
  expect(defaultRulesFile(join(folder, 'index.cjs'))).toBe(join(folder, 'rules.yaml'));
  expect(defaultRulesFile(join(folder, 'src', 'index.ts'))).toBe(join(folder, 'rules.yaml'));
});

test('rules.yaml, which comes with the function, has a rule of every kind', () => {
  const text = readFileSync(join(import.meta.dirname, '../rules.yaml'), 'utf8');
  expect(new Set(parseRules(parse(text), 12).map(({ kind }) => kind)).size).toBe(6);
});
