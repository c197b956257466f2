import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { fetchJars } from './jars.ts';

const digestOfOne = '7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed';

let root = '';
const signal = new AbortController().signal;
const onProgress = (): void => undefined;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'kandle-fetch-'));
  for (const lib of ['kafka', 'cassandra']) {
    mkdirSync(join(root, 'lists', lib), { recursive: true });
    writeFileSync(join(root, 'lists', `${lib}.sha256`), `${digestOfOne}  a-1.jar\n`);
  }
});

afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(root, { recursive: true, force: true });
});

/** Puts a script named mvn first on PATH; `$out` in it is the folder that the jars go to. */
function fakeMaven(script: string): void {
  const bin = join(root, 'bin');
  mkdirSync(bin, { recursive: true });
  writeFileSync(
    join(bin, 'mvn'),
    `#!/bin/sh\nfor a in "$@"; do case $a in -DoutputDirectory=*) out=\${a#*=};; esac; done\n${script}\n`,
  );
  chmodSync(join(bin, 'mvn'), 0o755);
  vi.stubEnv('PATH', `${bin}:${process.env['PATH']}`);
}

function fetch(abort: AbortSignal = signal): ReturnType<typeof fetchJars> {
  return fetchJars({
    cacheDir: join(root, 'cache'),
    listsDir: join(root, 'lists'),
    onProgress,
    signal: abort,
  });
}

test('fetchJars() runs Maven once, and not again for a verified folder', async () => {
  fakeMaven('mkdir -p "$out"; printf one > "$out/a-1.jar"');
  const folders = await fetch();
  expect(existsSync(join(folders.cassandra, 'a-1.jar'))).toBe(true);
  fakeMaven('exit 1');
  expect(await fetch()).toEqual(folders);
});

test('fetchJars() refuses a jar with another SHA-256 by name, and keeps nothing of it', async () => {
  fakeMaven('mkdir -p "$out"; printf evil > "$out/a-1.jar"');
  await expect(fetch()).rejects.toThrow(/a-1\.jar has another SHA-256[^]*\.m2\/repository/);
  expect(readdirSync(join(root, 'cache'))).toEqual([]);
});

test("fetchJars() shows Maven's error lines when it fails", async () => {
  fakeMaven('echo "[ERROR] Could not resolve a-1"; exit 1');
  await expect(fetch()).rejects.toThrow('[ERROR] Could not resolve a-1');
});

test('fetchJars() ends Maven and leaves nothing when it is aborted', async () => {
  fakeMaven(`mkdir -p "$out"; printf one > "$out/a-1.jar"; echo $$ > ${join(root, 'started')}; sleep 300`);
  const abort = new AbortController();
  const fetching = fetch(abort.signal);
  fetching.catch(() => undefined);
  await vi.waitUntil(() => existsSync(join(root, 'started')), { timeout: 5_000 });
  abort.abort(new Error('Ctrl-C'));
  await expect(fetching).rejects.toThrow('Ctrl-C');
  expect(readdirSync(join(root, 'cache'))).toEqual([]);
});

test('fetchJars() removes what a killed start left behind', async () => {
  fakeMaven('mkdir -p "$out"; printf one > "$out/a-1.jar"');
  mkdirSync(join(root, 'cache', 'kafka.incomplete-999999999'), { recursive: true });
  await fetch();
  expect(readdirSync(join(root, 'cache')).toSorted()).toEqual(['cassandra', 'kafka']);
});
