import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';

const Lock = z.object({
  packages: z.record(
    z.string(),
    z.object({
      version: z.string().optional(),
      name: z.string().optional(),
      license: z.string().optional(),
      integrity: z.string().optional(),
    }),
  ),
});

const PACKAGE = /^(?:.*\/)?node_modules\/((?:@[^/]+\/)?[^/]+)$/;

/**
 * A bill of materials (CycloneDX 1.6, JSON) of exactly the packages that files come from, as the lock file pins
 * them. Reproducible: it has no time and no serial number.
 *
 * @param root The folder that the files' paths are relative to.
 * @param files Paths with forward slashes, as esbuild lists a bundle's inputs.
 * @throws {Error} If a file is of a package that the lock file does not know.
 */
export function billOfMaterials(root: string, name: string, files: readonly string[]): string {
  const lock = Lock.parse(JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')));
  const folders = [...new Set(files.flatMap((file) => folderOf(file)))].toSorted();
  const components = folders.map((folder) => {
    const locked = lock.packages[folder];
    const title = locked?.name ?? PACKAGE.exec(folder)?.[1];
    if (locked?.version === undefined || title === undefined)
      throw new Error(`Cannot list what ${name} consists of: the lock file does not know ${folder}`);
    // An alias such as @knative/func-ts is listed as the package that it stands for.
    const purl = `pkg:npm/${title.replace('@', '%40')}@${locked.version}`;
    return {
      type: 'library',
      'bom-ref': `${purl}#${folder}`,
      name: title,
      version: locked.version,
      purl,
      ...(locked.license === undefined ? {} : { licenses: [{ expression: locked.license }] }),
      ...hashOf(locked.integrity),
    };
  });
  const bill = {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: { component: { type: 'application', 'bom-ref': `kandle/${name}`, name: `kandle/${name}` } },
    components,
  };
  return `${JSON.stringify(bill, null, 2)}\n`;
}

/** `node_modules/a/node_modules/b` of `node_modules/a/node_modules/b/lib/c.js`. */
function folderOf(file: string): readonly string[] {
  const match = /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(file);
  return match === null ? [] : [match[0]];
}

function hashOf(integrity: string | undefined): { hashes?: readonly { alg: string; content: string }[] } {
  const sha512 = /^sha512-(.+)$/.exec(integrity ?? '')?.[1];
  if (sha512 === undefined) return {};
  return { hashes: [{ alg: 'SHA-512', content: Buffer.from(sha512, 'base64').toString('hex') }] };
}
