import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { ROOT } from './bundle.ts';

test('an image is built from the package.json of every workspace, or npm ci refuses the lock file', () => {
  const PackageSchema = z.object({ workspaces: z.array(z.string()) });
  const { workspaces } = PackageSchema.parse(JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')));
  const kept = new Set(readFileSync(join(ROOT, '.dockerignore'), 'utf8').split('\n'));
  const lost = workspaces
    .map((name) => name.replace(/\/\*$/, ''))
    .filter((name) => !kept.has(`!${name}`) && !kept.has(`!${name}/package.json`));
  expect(lost).toEqual([]);
});
