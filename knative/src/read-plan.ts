import { join } from 'node:path';
import { REPO_ROOT } from '@kandle/tooling/paths';
import { readKnownVariables } from './known-variables.ts';
import { readManifests } from './manifests.ts';
import { planRun, type RunPlan } from './plan.ts';

/** The manifests of the pipeline, which `npm start` runs and every overlay begins with. */
export const BASE_FOLDER = join(REPO_ROOT, 'knative', 'base');

/**
 * The plan of `knative/base`. @throws {StartError} One line for each thing that is wrong, naming file and
 * field.
 */
export async function readPlan(): Promise<RunPlan> {
  return planRun(readManifests(BASE_FOLDER), await readKnownVariables());
}
