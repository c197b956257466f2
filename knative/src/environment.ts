import {
  CASSANDRA_COMPONENTS,
  cassandraSecretOf,
  KAFKA_COMPONENTS,
  kafkaSecretOf,
} from '@kandle/security/names';
import type { Manifests } from './manifests.ts';
import type { Workload } from './workloads.ts';

/** What is known of a variable beside its name. */
export interface VariableFacts {
  /** Its default, if it is a time that must be over before a request is cut off; null for any other. */
  readonly requestBudgetMs: number | null;
}

/**
 * What is known of the project's own code: the variables that each part's configuration takes, by the part's
 * name.
 */
export type KnownVariables = ReadonlyMap<string, ReadonlyMap<string, VariableFacts>>;

const KAFKA_LOGIN = ['user', 'password', 'protocol', 'sasl.mechanism', 'ca.crt'] as const;
const CASSANDRA_LOGIN = ['username', 'password'] as const;

/**
 * The Secrets that an installation has, and their keys: `knative/make-secrets.sh` makes all but the optional
 * last four.
 */
const SECRETS: ReadonlyMap<string, readonly string[]> = new Map<string, readonly string[]>([
  ['finnhub', ['token']],
  ...KAFKA_COMPONENTS.map((name) => [kafkaSecretOf(name), KAFKA_LOGIN] as const),
  ...CASSANDRA_COMPONENTS.map((name) => [cassandraSecretOf(name), CASSANDRA_LOGIN] as const),
  ['cassandra-admin', CASSANDRA_LOGIN],
  ['notify-targets', ['targets.yaml']],
  ['redis-credentials', ['password', 'ca.crt']],
  ['influx-credentials', ['token']],
  ['postgres-credentials', ['password', 'ca.crt']],
]);

/** Variables that Node itself reads. */
const NODE_VARIABLES: ReadonlySet<string> = new Set(['NODE_OPTIONS']);

/** The ConfigMaps by name. */
export function configMapsOf(manifests: Manifests): ReadonlyMap<string, Readonly<Record<string, string>>> {
  return new Map(manifests.ConfigMap.map(({ resource }) => [resource.metadata.name, resource.data]));
}

/** The variables of a container as its process sees them; null for a Secret's, which nobody reads here. */
export interface Environment {
  readonly values: ReadonlyMap<string, string | null>;
  /** One line for each reference that leads nowhere, and each variable that the part does not know. */
  readonly problems: readonly string[];
}

/** Follows the references of a container's variables. */
export function readEnvironment(
  workload: Workload,
  configMaps: ReadonlyMap<string, Readonly<Record<string, string>>>,
  parts: KnownVariables,
): Environment {
  const { at, container } = workload;
  const known = parts.get(container.name);
  const isUnknown = (name: string): boolean => known?.has(name) === false && !NODE_VARIABLES.has(name);
  const values = new Map<string, string | null>();
  const problems: string[] = [];
  for (const { configMapRef } of container.envFrom) {
    const data = configMaps.get(configMapRef.name);
    if (data === undefined) problems.push(`envFrom ${configMapRef.name}: there is no such ConfigMap`);
    const unknown = Object.keys(data ?? {}).filter(isUnknown);
    if (unknown.length > 0)
      problems.push(
        `envFrom ${configMapRef.name} has what the configuration of ${container.name} does not know: ${unknown.join(', ')}`,
      );
    for (const [name, value] of Object.entries(data ?? {})) values.set(name, value);
  }
  const given = new Set<string>();
  for (const { name, value, valueFrom } of container.env) {
    const say = (problem: string): void => void problems.push(`env ${name}${problem}`);
    if (isUnknown(name)) say(` is not known to the configuration of ${container.name}`);
    if (given.has(name)) say(' is given twice');
    given.add(name);
    const { configMapKeyRef: map, secretKeyRef: secret } = valueFrom ?? {};
    if (valueFrom === undefined) values.set(name, value ?? '');
    else if (map !== undefined) {
      const found = configMaps.get(map.name)?.[map.key];
      if (found === undefined) say(`: there is no ConfigMap ${map.name} with a key ${map.key}`);
      else values.set(name, found);
    } else if (secret !== undefined) {
      if (!SECRETS.get(secret.name)?.includes(secret.key))
        say(`: there is no Secret ${secret.name} with a key ${secret.key}`);
      values.set(name, null);
    } else say(': valueFrom refers to nothing');
  }
  for (const [name, value] of values) {
    if (name.endsWith('_FILE') && value !== null && !isMounted(workload, value, configMaps))
      problems.push(`env ${name}: nothing is mounted at ${value}`);
  }
  return { values, problems: problems.map((problem) => `${at}: ${problem}`) };
}

/** True if a file that is known, of a Secret, a ConfigMap or a projection, is mounted where it is expected. */
function isMounted(
  { pod, container }: Workload,
  file: string,
  configMaps: ReadonlyMap<string, Readonly<Record<string, string>>>,
): boolean {
  const folder = file.slice(0, file.lastIndexOf('/'));
  const mount = container.volumeMounts.find(({ mountPath }) => mountPath === folder);
  const volume = pod.spec.volumes.find(({ name }) => name === mount?.name);
  // What a process writes itself, on a volume of its own.
  if (volume?.persistentVolumeClaim !== undefined) return true;
  const map = configMaps.get(volume?.configMap?.name ?? '');
  const projected = volume?.projected?.sources.flatMap(({ serviceAccountToken, configMap }) => [
    ...(serviceAccountToken === undefined ? [] : [serviceAccountToken.path]),
    ...(configMap?.items.map(({ path }) => path) ?? []),
  ]);
  const keys = projected ?? SECRETS.get(volume?.secret?.secretName ?? '') ?? Object.keys(map ?? {});
  return keys.includes(file.slice(file.lastIndexOf('/') + 1));
}
