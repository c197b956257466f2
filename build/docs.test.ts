import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { REPO_ROOT } from '@kandle/tooling/paths';
import { expect, test } from 'vitest';

/** A path of a test from the root, as the pages write it. */
const TEST_PATH = /`([\w./-]+\/[\w.-]+\.test\.(?:ts|yaml))`/g;

test.each(['docs/architecture.md', 'docs/reliability.md'])('every test that %s names is there', (page) => {
  const text = readFileSync(join(REPO_ROOT, page), 'utf8');
  const named = [...text.matchAll(TEST_PATH)].map(([, path = '']) => path);
  expect(named.length).toBeGreaterThan(10);
  expect(named.filter((path) => !existsSync(join(REPO_ROOT, path)))).toEqual([]);
});
