import type { KnownVariables } from '../src/environment.ts';
import { parseManifests } from '../src/manifests.ts';
import { checkReferences } from '../src/rules.ts';
import { checkBudgets, checkNetwork } from './rules-network.ts';
import { checkSenders } from './rules-senders.ts';
import { checkCassandra, checkCopies, checkKafka, checkRetention } from './rules-servers.ts';
import { checkFunctions, checkImages, checkPods, checkSecrets, checkWriter } from './rules-workloads.ts';

/**
 * What is wrong with an overlay beyond what the JSON schemas can say, one line each: first what `npm start`
 * would say too, then what only a cluster needs.
 *
 * @param base What the base makes; its topics are those of an overlay whose Kafka has no Strimzi to make them.
 * @param rendered The resources that would be applied.
 * @param parts The variables that each part of the project takes, by its name.
 */
export function checkOverlay(
  base: readonly unknown[],
  rendered: readonly unknown[],
  parts: KnownVariables,
): readonly string[] {
  const parsed = parseRendered(rendered);
  if (parsed.problems.length > 0) return parsed.problems;
  const { manifests } = parsed;
  const { KafkaTopic } = manifests.KafkaTopic.length > 0 ? manifests : parseRendered(base).manifests;
  return [
    ...checkReferences({ ...manifests, KafkaTopic }, parts),
    ...checkKafka(manifests),
    ...checkCopies(manifests),
    ...checkRetention(manifests),
    ...checkCassandra(manifests),
    ...checkPods(manifests),
    ...checkSecrets(manifests),
    ...checkFunctions(manifests),
    ...checkWriter(manifests),
    ...checkImages(manifests, parts),
    ...checkBudgets(manifests),
    ...checkNetwork(manifests, parts),
    ...checkSenders(manifests),
  ];
}

/** Rendered resources by kind. */
export function parseRendered(rendered: readonly unknown[]): ReturnType<typeof parseManifests> {
  return parseManifests(rendered.map((content) => ({ file: null, content })));
}
