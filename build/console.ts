import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants } from 'node:zlib';
import { build } from 'esbuild';
import { leanPlugin } from './lean.ts';

/** A file of the console's page, as the query function serves it. */
export interface ConsoleFile {
  readonly type: string;
  readonly etag: string;
  /** Brotli, base64. */
  readonly br: string;
}

/** The console as one file: what stands at which path. */
export interface ConsoleText {
  readonly files: Readonly<Record<string, ConsoleFile>>;
  /** The files that it was made of, relative to the root. */
  readonly inputs: readonly string[];
}

/** Where each file of the page stands, and what it is. */
const PAGE: Readonly<Record<string, { readonly path: string; readonly type: string }>> = {
  'index.html': { path: '/', type: 'text/html; charset=utf-8' },
  'main.js': { path: '/console/app.js', type: 'text/javascript; charset=utf-8' },
  'app.css': { path: '/console/app.css', type: 'text/css; charset=utf-8' },
  'icon.svg': { path: '/console/icon.svg', type: 'image/svg+xml' },
};

/**
 * Bundles the console's page. Reproducible: the same sources give the same bytes.
 *
 * @param root The root of the project.
 * @throws {Error} If it cannot be bundled; esbuild has said why.
 */
export async function makeConsole(root: string): Promise<ConsoleText> {
  const folder = join(root, 'console', 'src');
  const result = await build({
    absWorkingDir: root,
    entryPoints: ['main.ts', 'app.css', 'index.html', 'icon.svg'].map((name) => join(folder, name)),
    outdir: folder,
    write: false,
    metafile: true,
    bundle: true,
    platform: 'browser',
    format: 'esm',
    target: 'es2023',
    minify: true,
    loader: { '.html': 'copy', '.svg': 'copy' },
    plugins: [leanPlugin(root)],
    legalComments: 'external',
    logLevel: 'warning',
  });
  const files = Object.fromEntries(
    result.outputFiles.flatMap(({ path, contents }) => {
      const known = PAGE[path.slice(folder.length + 1)];
      return known === undefined ? [] : [[known.path, fileOf(known.type, contents)] as const];
    }),
  );
  const missing = Object.values(PAGE).filter(({ path }) => files[path] === undefined);
  if (missing.length > 0)
    throw new Error(
      `Cannot bundle the console: esbuild gave no ${missing.map(({ path }) => path).join(', ')}`,
    );
  const inputs = Object.keys(result.metafile.inputs)
    .filter((path) => existsSync(join(root, path)))
    .toSorted();
  return { files, inputs };
}

function fileOf(type: string, contents: Uint8Array): ConsoleFile {
  const br = brotliCompressSync(contents, {
    params: { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY },
  });
  const etag = `"${createHash('sha256').update(contents).digest('base64url').slice(0, 27)}"`;
  return { type, etag, br: br.toString('base64') };
}
