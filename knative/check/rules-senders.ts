import { configMapsOf } from '../src/environment.ts';
import type { Manifests } from '../src/manifests.ts';
import { workloadsOf } from '../src/workloads.ts';

const SETTINGS = 'kandle-senders';
const POLICY = 'to-cluster-api';
/** May be named where they are not: an overlay that takes them in need not name them again. */
const OPTIONAL = /(^|:)sink-(redis|influx)\b/;

/**
 * Where functions ask who sends, every source shows what they want and nobody else may send; where they do not,
 * no source asks for a token, which it could not get.
 */
export function checkSenders(manifests: Manifests): readonly string[] {
  const settings = configMapsOf(manifests).get(SETTINGS);
  const asking = workloadsOf(manifests)
    .filter(({ container }) => container.envFrom.some(({ configMapRef }) => configMapRef.name === SETTINGS))
    .map(({ name }) => name);
  const sinks = new Set(manifests.KafkaSource.map(({ resource }) => resource.spec.sink.ref.name));
  if (settings === undefined) {
    return manifests.KafkaSource.filter(({ resource }) => resource.spec.sink.audience !== undefined).map(
      ({ at }) => `${at}: spec.sink.audience: no function asks for it`,
    );
  }
  const policy = manifests.NetworkPolicy.find(({ resource }) => resource.metadata.name === POLICY);
  const allowed = policy?.resource.spec.podSelector.matchExpressions.flatMap(({ values }) => values) ?? [];
  return [
    ...manifests.KafkaSource.flatMap(({ at, resource }) => {
      const { ref, audience } = resource.spec.sink;
      const wanted = `${settings['OIDC_AUDIENCE_PREFIX']}/${ref.name}`;
      return audience === wanted ? [] : [`${at}: spec.sink.audience: expected ${wanted}`];
    }),
    ...compare('OIDC_SUBJECTS', {
      is: (settings['OIDC_SUBJECTS'] ?? '').split(',').map((subject) => subject.trim()),
      wanted: manifests.KafkaSource.map(
        ({ resource: { metadata } }) =>
          `system:serviceaccount:${metadata.namespace}:${metadata.name}-oidc-sources.knative.dev-kafkasource`,
      ),
    }),
    ...compare(`envFrom ${SETTINGS}`, { is: asking, wanted: [...sinks] }),
    ...compare(`NetworkPolicy ${POLICY}`, { is: allowed, wanted: [...sinks] }),
  ];
}

function compare(
  at: string,
  { is, wanted }: { readonly is: readonly string[]; readonly wanted: readonly string[] },
): readonly string[] {
  return [
    ...wanted.filter((one) => !is.includes(one)).map((one) => `${at} leaves ${one} out`),
    ...is
      .filter((one) => !wanted.includes(one) && !OPTIONAL.test(one))
      .map((one) => `${at}: ${one} does not need it`),
  ];
}
