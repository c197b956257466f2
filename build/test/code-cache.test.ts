import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nodeMemoryOptions } from '@kandle/knative/memory';
import { expect, onTestFinished, test } from 'vitest';
import { ROOT } from '../bundle.ts';
import { assembleImage } from '../image.ts';

/** The parts of which `knative/images.sh` builds images. */
const PARTS = [
  ...readdirSync(join(ROOT, 'functions')).filter((name) =>
    existsSync(join(ROOT, 'functions', name, 'src', 'index.ts')),
  ),
  'audit',
];

/** The step of the Dockerfile that leaves the compiled code, as it stands there. */
const step =
  /on\) \(cd \/app && (CODE_CACHE=[\s\S]*?) \\\n\s*timeout --signal=TERM (\d+) run-node (.*?) start\.cjs/.exec(
    readFileSync(join(ROOT, 'Dockerfile'), 'utf8'),
  );
const [, assignments = '', seconds = '', options = ''] = step ?? [];

test('an image runs with the options for which its code was compiled, those of a laptop', () => {
  const [, entry = ''] = /^ENTRYPOINT (.*)$/m.exec(readFileSync(join(ROOT, 'Dockerfile'), 'utf8')) ?? [];
  const [, ...laptop] = nodeMemoryOptions(256);
  expect(options.split(' ')).toEqual(laptop);
  expect(JSON.parse(entry)).toEqual(['/nodejs/bin/node', ...laptop, '/app/start.cjs']);
});

test.each(PARTS)(
  'the image of %s gets its compiled code, whatever the part does without servers',
  async (part) => {
    const folder = mkdtempSync(join(tmpdir(), 'kandle-cache-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    await assembleImage(part, folder);
    const env = Object.fromEntries(assignments.split(/\s+/).map((pair) => pair.split('=')));
    expect(env).toHaveProperty('CODE_CACHE', '/tmp/index.cache');
    const cache = join(folder, 'index.cache');
    // A port of its own: on a laptop the usual one may be taken.
    const given = { ...env, CODE_CACHE: cache, PORT: '0', HTTP_PORT: '0', LOOPBACK_ONLY: 'true' };
    spawnSync(process.execPath, [...options.split(' '), 'start.cjs'], {
      cwd: folder,
      env: given,
      timeout: Number(seconds) * 1_000,
      killSignal: 'SIGTERM',
    });
    expect(statSync(cache).size).toBeGreaterThan(50_000);
  },
);
