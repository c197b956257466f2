import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';

/** The folder of the manifests. */
export const KNATIVE = join(import.meta.dirname, '..');

/** The overlays there are, in alphabetical order. */
export function overlayNames(): readonly string[] {
  // A name with a dot is what deploy.sh makes for a moment, for other images.
  return readdirSync(join(KNATIVE, 'overlays'))
    .filter((name) => !name.startsWith('.'))
    .toSorted();
}

/** True if there is a `kubectl` to render with. */
export function hasKubectl(): boolean {
  return spawnSync('kubectl', ['version', '--client'], { stdio: 'ignore' }).status === 0;
}

/**
 * The resources of a kustomization, as `kubectl apply -k` would send them.
 *
 * @throws {Error} If it cannot be rendered; kubectl says why on standard error.
 */
export function render(folder: string): readonly unknown[] {
  const text = execFileSync('kubectl', ['kustomize', folder], { encoding: 'utf8', stdio: 'pipe' });
  return parseAllDocuments(text).map((document): unknown => document.toJS());
}
