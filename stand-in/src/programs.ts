import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { type BundleText, makeBundle, stopBundler, writeBundle } from '@kandle/build/bundle';
import { KANDLE_FOLDER, REPO_ROOT } from '@kandle/tooling/paths';

/** How a function is run: its main program, and what its environment needs for that. */
export interface Program {
  readonly script: string;
  readonly env: Readonly<Record<string, string>>;
}

const Stamp = z.object({ inputs: z.record(z.string(), z.string()), folder: z.string() });
type Stamp = z.infer<typeof Stamp>;

/** How bundles are made, relative to the root. */
const RECIPE = [
  'build/bundle.ts',
  'build/console.ts',
  'build/lean.ts',
  'build/licences.ts',
  'build/start.cjs',
];

const OLD_MS = 24 * 3_600_000;

/** The functions as they are run from source, for debugging. */
export function sourcePrograms(names: readonly string[]): ReadonlyMap<string, Program> {
  return new Map(
    names.map((name) => [name, { script: join(REPO_ROOT, 'functions', name, 'src', 'index.ts'), env: {} }]),
  );
}

/**
 * The functions as bundles, made now where their sources have changed since the last time, and said so in a
 * line.
 *
 * A bundle lies in a folder named by its content, so that runs side by side do not touch each other's, and with
 * it the code that V8 compiled of it: a process writes that, and the next one starts faster
 * (`build/start.cjs`).
 */
export async function bundledPrograms(
  names: readonly string[],
  log: (line: string) => void,
  folder = join(KANDLE_FOLDER, 'bundles'),
): Promise<ReadonlyMap<string, Program>> {
  mkdirSync(folder, { recursive: true });
  const startedMs = performance.now();
  const stale = names.filter((name) => !isFresh(folder, readStamp(folder, name)));
  await Promise.all(stale.map(async (name) => keep(folder, name, await makeBundle(name))));
  if (stale.length > 0) {
    await stopBundler();
    log(`Bundled ${stale.join(', ')} in ${((performance.now() - startedMs) / 1_000).toFixed(1)} s`);
  }
  return new Map(
    names.map((name) => {
      const stamp = readStamp(folder, name);
      if (stamp === null) throw new Error(`Cannot run ${name}: its bundle is gone`);
      const program = {
        script: join(folder, stamp.folder, 'start.cjs'),
        env: { CODE_CACHE: join(folder, stamp.folder, 'index.cache'), ...rulesEnv(name) },
      };
      return [name, program];
    }),
  );
}

/** The rules of the sources and not a copy of them, so that they can be changed while all runs. */
function rulesEnv(name: string): Readonly<Record<string, string>> {
  const path = join(REPO_ROOT, 'functions', name, 'rules.yaml');
  return existsSync(path) ? { RULES_FILE: path } : {};
}

/** Writes a bundle and what it was made of; each file appears whole or not at all. */
function keep(folder: string, name: string, bundle: BundleText): void {
  const id = `${name}-${createHash('sha256').update(bundle.contents).digest('hex').slice(0, 16)}`;
  const temporary = join(folder, `.${id}.${process.pid}`);
  writeBundle(temporary, bundle);
  // File by file: the folder may be there, of the same content, whole or not, and in use.
  mkdirSync(join(folder, id), { recursive: true });
  for (const file of readdirSync(temporary)) renameSync(join(temporary, file), join(folder, id, file));
  rmSync(temporary, { recursive: true });
  const stamp: Stamp = {
    inputs: Object.fromEntries([...bundle.inputs, ...RECIPE].map((path) => [path, signatureOf(path)])),
    folder: id,
  };
  writeFileSync(`${temporary}.json`, JSON.stringify(stamp));
  renameSync(`${temporary}.json`, join(folder, `${name}.json`));
  removeOld(folder, name, id);
}

function readStamp(folder: string, name: string): Stamp | null {
  try {
    return Stamp.parse(JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8')));
  } catch {
    return null;
  }
}

function isFresh(folder: string, stamp: Stamp | null): boolean {
  if (stamp === null) return false;
  for (const file of ['index.cjs', 'start.cjs']) {
    if (signatureOf(join(folder, stamp.folder, file)) === ABSENT) return false;
  }
  return Object.entries(stamp.inputs).every(([path, signature]) => signatureOf(path) === signature);
}

const ABSENT = 'absent';

/** Size and time of a file, by its path relative to the root. */
function signatureOf(path: string): string {
  const stat = statSync(path.startsWith('/') ? path : join(REPO_ROOT, path), { throwIfNoEntry: false });
  return stat === undefined ? ABSENT : `${stat.size} ${stat.mtimeMs}`;
}

/** Removes bundles of a function that nobody has run for a day; another run may still need a younger one. */
function removeOld(folder: string, name: string, current: string): void {
  for (const entry of readdirSync(folder)) {
    if (entry === current || !new RegExp(`^${name}-[0-9a-f]{16}$`).test(entry)) continue;
    const stat = statSync(join(folder, entry), { throwIfNoEntry: false });
    if (stat !== undefined && Date.now() - stat.mtimeMs > OLD_MS) {
      rmSync(join(folder, entry), { recursive: true, force: true });
    }
  }
}
