import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const PACKAGE = /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/;
const LICENCE_FILE = /^(licen[cs]e|copying|notice)/i;

/**
 * The licence texts of the packages that files come from, sorted by package.
 *
 * @param root The folder that the files' paths are relative to.
 * @param files Paths with forward slashes, as esbuild lists a bundle's inputs.
 */
export function collectLicences(root: string, files: readonly string[]): string {
  const folders = new Set(files.flatMap((file) => PACKAGE.exec(file)?.[0] ?? []));
  const texts = [...folders].map((folder) => licenceOf(join(root, folder)));
  return `${[...new Set(texts)].toSorted().join('\n\n')}\n`;
}

function licenceOf(folder: string): string {
  const about: unknown = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const texts = readdirSync(folder)
    .filter((file) => LICENCE_FILE.test(file) && existsSync(join(folder, file)))
    .toSorted()
    .map((file) => readFileSync(join(folder, file), 'utf8').trim());
  const title = ['name', 'version'].map((field) => textOf(about, field)).join(' ');
  return [`== ${title} (${textOf(about, 'license') ?? 'see below'})`, ...texts].join('\n\n');
}

function textOf(about: unknown, field: string): string | undefined {
  const value: unknown = Object.entries(about ?? {}).find(([name]) => name === field)?.[1];
  return typeof value === 'string' ? value : undefined;
}
