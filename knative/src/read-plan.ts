import { join } from 'node:path';
import { REPO_ROOT } from '@kandle/tooling/paths';
import { readKnownVariables } from './known-variables.ts';
import { readManifests } from './manifests.ts';
import { planRun, type RunPlan } from './plan.ts';

/** The manifests of the pipeline, which `npm start` runs and every overlay begins with. */
export const BASE_FOLDER = join(REPO_ROOT, 'knative', 'base');

/** The optional functions that write to other databases, each in a component of its name. */
export const SINKS = ['sink-influx', 'sink-redis'] as const;
/** One of {@link SINKS}. */
export type Sink = (typeof SINKS)[number];

/** The folder of a sink's manifests. */
export function sinkFolder(sink: Sink): string {
  return join(REPO_ROOT, 'knative', 'components', sink);
}

/**
 * The plan of `knative/base`, and of the sinks that are asked for.
 *
 * @throws {StartError} One line for each thing that is wrong, naming file and field.
 */
export async function readPlan(sinks: readonly Sink[] = []): Promise<RunPlan> {
  return planRun(readManifests(BASE_FOLDER, ...sinks.map(sinkFolder)), await readKnownVariables());
}
