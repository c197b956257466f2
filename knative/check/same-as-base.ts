import { headerOf } from '../src/manifests.ts';

/** What an overlay may change of a resource that `npm start` runs; anything else a laptop would not show. */
const MAY_DIFFER: readonly RegExp[] = [
  /^spec\.template\.spec\.containers\.0\.image$/,
  /^spec\.bootstrapServers\./,
  /^spec\.net\b/,
  /^spec\.sink\.audience$/,
  /^spec\.auth\b/,
  /^spec\.replicas$/,
  /^spec\.config\.min\.insync\.replicas$/,
  /^metadata\.annotations\.autoscaling\.eventing\.knative\.dev\//,
];

/** What it may change of one of them: where signal's rules are, which a laptop reads from the sources. */
const MAY_DIFFER_OF_ONE: ReadonlyMap<string, RegExp> = new Map([
  ['Service signal', /^spec\.template\.spec\.(containers\.0\.(env|volumeMounts)|volumes)\./],
]);

/** The kinds that `npm start` runs; ConfigMaps hold addresses, which differ. */
const COMPARED: ReadonlySet<string> = new Set([
  'Service',
  'KafkaSource',
  'KafkaSink',
  'KafkaTopic',
  'StatefulSet',
  'Deployment',
]);

/**
 * Where an overlay differs from the base, for the resources that `npm start` runs, in more than addresses and
 * copies.
 */
export function checkSameAsBase(base: readonly unknown[], rendered: readonly unknown[]): readonly string[] {
  const there = new Map(rendered.map((one) => [idOf(one), one]));
  return base.flatMap((one) => {
    const id = idOf(one);
    if (!COMPARED.has(headerOf(one).kind)) return [];
    const other = there.get(id);
    if (other === undefined) return [`${id}: it is in the base and not here`];
    return differences(one, withoutOptions(other))
      .filter((path) => ![...MAY_DIFFER, MAY_DIFFER_OF_ONE.get(id)].some((allowed) => allowed?.test(path)))
      .map((path) => `${id}: ${path} is not what npm start runs`);
  });
}

/**
 * A resource without what `components/senders` and `components/avro` add to it: their settings, and the volume
 * with a token.
 */
function withoutOptions(resource: unknown): unknown {
  const isAdded = (item: unknown): boolean =>
    [
      '{"configMapRef":{"name":"kandle-senders"}}',
      '"name":"senders"',
      '{"configMapRef":{"name":"kandle-avro"}}',
    ].some((text) => JSON.stringify(item).includes(text));
  const text = JSON.stringify(resource, (key, value: unknown) =>
    Array.isArray(value) && /^(envFrom|volumes|volumeMounts)$/.test(key)
      ? value.filter((item) => !isAdded(item))
      : value,
  );
  return JSON.parse(text);
}

function idOf(content: unknown): string {
  const { kind, name } = headerOf(content);
  return `${kind} ${name}`;
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
