import type { KnownVariables } from '../src/plan.ts';
import { idOf, isFunction, type Resource, ResourceSchema } from './resource.ts';
import { checkCassandra, checkKafka, checkRetention, checkSources } from './rules-delivery.ts';
import {
  checkEnvironment,
  checkFunctions,
  checkImages,
  checkNames,
  checkNetwork,
  checkPods,
  checkWriter,
} from './rules-workloads.ts';

/**
 * What is wrong with an overlay beyond what schemas can say, one line each.
 *
 * @param rendered The resources that would be applied.
 * @param parts The variables that each part of the project takes, by its name.
 */
export function checkOverlay(rendered: readonly unknown[], parts: KnownVariables): readonly string[] {
  const resources = rendered.map((one) => ResourceSchema.parse(one));
  return [
    ...checkNames(resources),
    ...checkSources(resources),
    ...checkKafka(resources),
    ...checkRetention(resources),
    ...checkCassandra(resources),
    ...checkPods(resources),
    ...checkFunctions(resources),
    ...checkWriter(resources),
    ...checkImages(resources, parts),
    ...checkEnvironment(resources, parts),
    ...checkNetwork(resources, parts),
  ];
}

/** What an overlay may change of a resource that `npm start` runs; anything else a laptop would not show. */
const MAY_DIFFER: readonly RegExp[] = [
  /^spec\.template\.spec\.containers\.0\.image$/,
  /^spec\.bootstrapServers\./,
  /^spec\.net\b/,
  /^spec\.auth\b/,
  /^spec\.replicas$/,
  /^spec\.config\.min\.insync\.replicas$/,
  /^metadata\.annotations\.autoscaling\.eventing\.knative\.dev\//,
];

/** What it may change of one of them: where signal's rules are, which a laptop reads from the sources. */
const MAY_DIFFER_OF_ONE: ReadonlyMap<string, RegExp> = new Map([
  ['Service signal', /^spec\.template\.spec\.(containers\.0\.(env|volumeMounts)|volumes)\./],
]);

/** Where an overlay differs from the base, for the resources that `npm start` runs, in more than addresses and copies. */
export function checkSameAsBase(base: readonly unknown[], rendered: readonly unknown[]): readonly string[] {
  const there = new Map(rendered.map((one) => [keyOf(ResourceSchema.parse(one)), one]));
  return base.flatMap((one) => {
    const resource = ResourceSchema.parse(one);
    if (!isRunByLaptop(resource)) return [];
    const other = there.get(keyOf(resource));
    if (other === undefined) return [`${idOf(resource)}: it is in the base and not here`];
    return differences(one, other)
      .filter(
        (path) =>
          ![...MAY_DIFFER, MAY_DIFFER_OF_ONE.get(idOf(resource))].some((allowed) => allowed?.test(path)),
      )
      .map((path) => `${idOf(resource)}: ${path} is not what npm start runs`);
  });
}

function isRunByLaptop(resource: Resource): boolean {
  return (
    isFunction(resource) ||
    ['KafkaSource', 'KafkaSink', 'KafkaTopic', 'StatefulSet', 'Deployment'].includes(resource.kind)
  );
}

function keyOf({ apiVersion, kind, metadata }: Resource): string {
  return `${apiVersion} ${kind} ${metadata.name}`;
}

function differences(left: unknown, right: unknown, path = ''): readonly string[] {
  const ours = entriesOf(left);
  const theirs = entriesOf(right);
  if (ours === null && theirs === null) return left === right ? [] : [path];
  // What only one side has is named field by field, so that each is allowed or not by itself.
  const keys = new Set([...(ours?.keys() ?? []), ...(theirs?.keys() ?? [])]);
  return [...keys].flatMap((key) =>
    differences(ours?.get(key), theirs?.get(key), path === '' ? key : `${path}.${key}`),
  );
}

function entriesOf(value: unknown): ReadonlyMap<string, unknown> | null {
  return typeof value === 'object' && value !== null ? new Map(Object.entries(value)) : null;
}
