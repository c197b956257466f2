import { copyFileSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeError } from '@kandle/runtime/errors';
import { copyRules, makeBundle, ROOT, writeBundle } from './bundle.ts';
import { billOfMaterials } from './sbom.ts';

/**
 * Writes all that the image of a part holds beside Node: its bundle and what starts it, the licences and the
 * bill of materials of what is in it, its rules; for `schema` also the steps of `cql/`.
 *
 * @param folder Emptied first, so that nothing of an older build is delivered.
 */
export async function assembleImage(name: string, folder: string): Promise<void> {
  const bundle = await makeBundle(name);
  rmSync(folder, { recursive: true, force: true });
  writeBundle(folder, bundle);
  writeFileSync(join(folder, 'sbom.cdx.json'), billOfMaterials(ROOT, name, bundle.inputs));
  copyRules(name, folder);
  if (name !== 'schema') return;
  mkdirSync(join(folder, 'cql'));
  for (const step of readdirSync(join(ROOT, 'cql')).filter((file) => file.endsWith('.cql')))
    copyFileSync(join(ROOT, 'cql', step), join(folder, 'cql', step));
}

/** The Dockerfile's step: `node build/image.ts NAME FOLDER`. */
if (import.meta.main) {
  const [name = '', folder = ''] = process.argv.slice(2);
  try {
    if (folder === '') throw new RangeError('Cannot assemble an image: expected a name and a folder');
    await assembleImage(name, folder);
  } catch (error) {
    console.error(describeError(error));
    process.exitCode = 1;
  }
}
