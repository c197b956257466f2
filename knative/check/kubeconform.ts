import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { KNATIVE } from './render.ts';

/** True if there is a `kubeconform`; it is a Go program that not every machine has. */
function hasKubeconform(): boolean {
  return spawnSync('kubeconform', ['-v'], { stdio: 'ignore' }).status === 0;
}

/**
 * What kubeconform, the field's own tool, says about a kustomization, by the same schemas; nothing where it is
 * not there. It is a second opinion: `schemas.ts` checks the same everywhere.
 */
export function checkWithKubeconform(folder: string): readonly string[] {
  if (!hasKubeconform()) return [];
  const text = execFileSync('kubectl', ['kustomize', folder], { encoding: 'utf8' });
  const location = join(KNATIVE, 'schemas', '{{.ResourceKind}}{{.KindSuffix}}.json');
  const run = spawnSync('kubeconform', ['-strict', '-summary', '-schema-location', location], {
    input: text,
    encoding: 'utf8',
  });
  return run.status === 0 ? [] : run.stdout.trim().split('\n');
}
