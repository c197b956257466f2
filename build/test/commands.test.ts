import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { ROOT } from '../bundle.ts';

const ManifestSchema = z.object({ scripts: z.record(z.string(), z.string()) });
const { scripts } = ManifestSchema.parse(JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')));

/** The commands that a person is told of; Node itself runs their sources, not a test runner. */
const COMMANDS = [
  'start',
  'clean',
  'audit',
  'chaos',
  'redrive',
  'archive',
  'shadow',
  'backfill',
  'instruments',
  'bench:cold-start',
  'bench:drain',
  'bench:soak',
];

test.each(COMMANDS)('npm run %s -- --help tells what it does', async (name) => {
  const [script = ''] = /\S+\.ts/.exec(scripts[name] ?? '') ?? [];
  const { stdout } = await promisify(execFile)(process.execPath, [join(ROOT, script), '--help']);
  expect(stdout).toMatch(/^Usage: npm (run )?\S+ /);
  expect(stdout).toContain('--help');
});
