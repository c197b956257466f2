import { join } from 'node:path';
import { readKnownVariables } from '../src/known-variables.ts';
import { checkWithKubeconform } from './kubeconform.ts';
import { hasKubectl, KNATIVE, overlayNames, render } from './render.ts';
import { checkOverlay } from './rules.ts';
import { checkSameAsBase } from './same-as-base.ts';
import { createSchemaCheck } from './schemas.ts';

/**
 * Checks what every overlay would send to a cluster: `npm run check:manifests`. Exit code 1 if anything is
 * wrong.
 */
if (!hasKubectl()) {
  console.log('check:manifests: skipped, because there is no kubectl here to render the overlays with');
} else {
  const parts = await readKnownVariables();
  const schemas = createSchemaCheck();
  const base = render(join(KNATIVE, 'base'));
  for (const name of overlayNames()) {
    const folder = join(KNATIVE, 'overlays', name);
    const rendered = render(folder);
    const problems = [
      ...rendered.flatMap((resource) => schemas.check(resource)),
      ...checkOverlay(base, rendered, parts),
      ...checkSameAsBase(base, rendered),
      ...checkWithKubeconform(folder),
    ];
    console.log(`${name}: ${rendered.length} resources, ${problems.length} problems`);
    for (const problem of problems) console.log(`  ${problem}`);
    if (problems.length > 0) process.exitCode = 1;
  }
}
