import { copyFileSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build, stop } from 'esbuild';
import { makeConsole } from './console.ts';
import { leanPlugin } from './lean.ts';
import { collectLicences } from './licences.ts';

/** The root of the project. */
export const ROOT = join(import.meta.dirname, '..');
/** Where bundles are kept: `dist/<name>/index.cjs`. */
export const DIST = join(ROOT, 'dist');

/** A bundle that was written. */
export interface Bundle {
  readonly name: string;
  /** The one file to run. */
  readonly file: string;
  readonly bytes: number;
}

function functionNames(): readonly string[] {
  const folder = join(ROOT, 'functions');
  return readdirSync(folder).filter((name) => existsSync(join(folder, name, 'src', 'index.ts')));
}

/** Programs that are no functions, and become images all the same. */
const OTHERS: Readonly<Record<string, string>> = {
  audit: join(ROOT, 'audit', 'src', 'index.ts'),
  backfill: join(ROOT, 'backfill', 'src', 'index.ts'),
  generator: join(ROOT, 'feeds', 'src', 'generate.ts'),
};

/**
 * The names of everything that becomes an image, in alphabetical order: the functions, the audit, the
 * backfill and the generator of a market.
 */
export function programNames(): readonly string[] {
  return [...functionNames(), ...Object.keys(OTHERS)].toSorted();
}

function entryOf(name: string): string {
  return OTHERS[name] ?? join(ROOT, 'functions', name, 'src', 'index.ts');
}

/** A function's bundle, not written yet. */
export interface BundleText {
  readonly contents: Uint8Array;
  /** The licences of what is in it. */
  readonly licences: string;
  /** The files that it was made of, relative to the root. */
  readonly inputs: readonly string[];
  /** What it reads beside its program, made with it: by the file's name. */
  readonly beside: ReadonlyMap<string, string>;
}

/** The function that serves the console, and the file beside it that holds the page. */
const CONSOLE = { servedBy: 'query', file: 'console.json' };

/**
 * Bundles a function with all that it needs into one CommonJS file. Reproducible: the same sources give the
 * same bytes, wherever they lie.
 *
 * @throws {RangeError} If there is no such function.
 * @throws {Error} If it cannot be bundled; esbuild has said why.
 */
export async function makeBundle(name: string): Promise<BundleText> {
  const entry = entryOf(name);
  if (!existsSync(entry)) {
    throw new RangeError(
      `Cannot bundle ${name}: there is no function of this name (${programNames().join(', ')})`,
    );
  }
  const result = await build({
    absWorkingDir: ROOT,
    entryPoints: [entry],
    outfile: 'index.cjs',
    write: false,
    metafile: true,
    bundle: true,
    platform: 'node',
    // As the function runtime and both clients are written; V8's code cache takes the one file whole.
    format: 'cjs',
    plugins: [leanPlugin(ROOT)],
    target: 'node24',
    // Names stay: they are what a stack trace is read by, and shorter ones start no faster
    // (docs/performance.md).
    minifySyntax: true,
    minifyWhitespace: true,
    // In LICENSES.txt: they would make the whole text one of two bytes a character.
    legalComments: 'external',
    logLevel: 'warning',
  });
  const output = result.outputFiles.find(({ path }) => path.endsWith('.cjs'));
  const comments = result.outputFiles.find(({ path }) => path.endsWith('.txt'));
  if (output === undefined) throw new Error(`Cannot bundle ${name}: esbuild gave no file`);
  const page = name === CONSOLE.servedBy ? await makeConsole(ROOT) : null;
  const inputs = [...new Set([...Object.keys(result.metafile.inputs), ...(page?.inputs ?? [])])]
    .filter((path) => existsSync(join(ROOT, path)))
    .toSorted();
  const beside = new Map(page === null ? [] : [[CONSOLE.file, JSON.stringify(page.files)]]);
  const licences = `${collectLicences(ROOT, inputs)}\n${comments?.text ?? ''}`;
  return { contents: output.contents, licences, inputs, beside };
}

/** Ends the bundler's own process; left alone it keeps up to a gigabyte for as long as this one lives. */
export async function stopBundler(): Promise<void> {
  await stop();
}

/** What a function reads beside its program, if it has such a file. */
const RULES = 'rules.yaml';

/**
 * Writes a function's bundle, `<outFolder>/<name>/index.cjs`, with `start.cjs`, `LICENSES.txt` and its rules
 * beside it.
 */
export async function bundleFunction(name: string, outFolder = DIST): Promise<Bundle> {
  const bundle = await makeBundle(name);
  const folder = join(outFolder, name);
  // Emptied first, so that nothing of an older build is delivered.
  rmSync(folder, { recursive: true, force: true });
  const file = writeBundle(folder, bundle);
  copyRules(name, folder);
  return { name, file, bytes: bundle.contents.length };
}

/** Copies the rules that a function looks for beside its program, if it has any. */
export function copyRules(name: string, folder: string): void {
  const rules = join(ROOT, 'functions', name, RULES);
  if (existsSync(rules)) copyFileSync(rules, join(folder, RULES));
}

/** Writes a bundle into a folder. @returns The path of the bundle; `start.cjs` beside it runs it faster. */
export function writeBundle(folder: string, bundle: Omit<BundleText, 'inputs'>): string {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'index.cjs');
  writeFileSync(file, bundle.contents);
  writeFileSync(join(folder, 'LICENSES.txt'), bundle.licences);
  for (const [name, text] of bundle.beside) writeFileSync(join(folder, name), text);
  copyFileSync(join(ROOT, 'build', 'start.cjs'), join(folder, 'start.cjs'));
  return file;
}
