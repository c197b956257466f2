import { configMapsOf, type KnownVariables } from '../src/environment.ts';
import type { Manifests } from '../src/manifests.ts';
import { workloadsOf } from '../src/workloads.ts';

/** What selects a function by its name selects one. */
export function checkBudgets({ PodDisruptionBudget, Service }: Manifests): readonly string[] {
  const functions = new Set(Service.map(({ resource }) => resource.metadata.name));
  return PodDisruptionBudget.flatMap(({ at, resource }) => {
    const name = resource.spec.selector.matchLabels['serving.knative.dev/service'] ?? '';
    return functions.has(name) ? [] : [`${at}: there is no function ${name}`];
  });
}

const USES: readonly (readonly [string, string])[] = [
  ['kandle-kafka', 'to-kafka'],
  ['kandle-cassandra', 'to-cassandra'],
  ['kandle-redis', 'to-redis'],
  ['kandle-influx', 'to-influx'],
];

/** Nothing is open that is not needed, and what is needed is open. */
export function checkNetwork(manifests: Manifests, parts: KnownVariables): readonly string[] {
  const problems: string[] = [];
  const policies = new Map(
    manifests.NetworkPolicy.map(({ resource }) => [resource.metadata.name, resource.spec] as const),
  );
  const workloads = workloadsOf(manifests);
  const names = new Set(workloads.map(({ name }) => name));
  const deny = policies.get('default-deny');
  if (deny === undefined || !isEverything(deny.podSelector) || deny.policyTypes.length !== 2)
    problems.push('NetworkPolicy default-deny: expected one for all pods and both directions');
  for (const [map, name] of USES) {
    const policy = policies.get(name);
    const data = configMapsOf(manifests).get(map);
    // A sink's, where it is not taken in.
    if (policy === undefined && data === undefined) continue;
    const chosen = new Set(policy?.podSelector.matchExpressions.flatMap(({ values }) => values));
    const users = new Set(
      workloads
        .filter(({ container }) => container.envFrom.some(({ configMapRef }) => configMapRef.name === map))
        .map(({ name }) => name),
    );
    for (const user of users)
      if (!chosen.has(user)) problems.push(`NetworkPolicy ${name} leaves ${user} out`);
    for (const one of chosen)
      if (names.has(one) && !users.has(one)) problems.push(`NetworkPolicy ${name}: ${one} does not need it`);
    const port = portOf(data ?? {});
    const open = policy?.egress.flatMap(({ ports }) => ports.map((one) => one.port)) ?? [];
    if (!open.includes(port)) problems.push(`NetworkPolicy ${name}: port ${port} is closed`);
  }
  for (const { at, resource } of manifests.NetworkPolicy) {
    for (const { key, values } of resource.spec.podSelector.matchExpressions)
      for (const value of key === 'app.kubernetes.io/name' ? values : [])
        if (!parts.has(value)) problems.push(`${at}: there is no ${value}`);
  }
  return problems;
}

/** The port that a server's settings name. */
function portOf(data: Readonly<Record<string, string>>): number {
  const url = data['REDIS_URL'] ?? data['INFLUX_URL'];
  return Number(
    url === undefined ? (data['CASSANDRA_PORT'] ?? data['KAFKA_BROKERS']?.split(':')[1]) : new URL(url).port,
  );
}

function isEverything({
  matchLabels,
  matchExpressions,
}: Manifests['NetworkPolicy'][number]['resource']['spec']['podSelector']): boolean {
  return Object.keys(matchLabels).length === 0 && matchExpressions.length === 0;
}
