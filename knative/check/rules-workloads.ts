import type { KnownVariables } from '../src/plan.ts';
import { idOf, isFunction, ofKind, type Resource, type Workload, workloads } from './resource.ts';

/** The Secrets that an installation has, and their keys: `knative/make-secrets.sh` makes all but the optional last. */
const SECRETS: ReadonlyMap<string, readonly string[]> = new Map([
  ['finnhub', ['token']],
  ['kafka-credentials', ['user', 'password', 'protocol', 'sasl.mechanism', 'ca.crt']],
  ['cassandra-credentials', ['username', 'password']],
  ['cassandra-admin', ['username', 'password']],
  ['notify-targets', ['targets.yaml']],
]);

/** Every pod is one that `restricted` lets in, without a token, and with bounds. */
export function checkPods(resources: readonly Resource[]): readonly string[] {
  const accounts = new Set(ofKind(resources, 'ServiceAccount').map(({ metadata }) => metadata.name));
  return workloads(resources).flatMap(({ id, resource, pod, container }) => {
    const { spec } = pod;
    // Knative takes a security context for the container only; elsewhere either place will do.
    const context: Record<string, unknown> = { ...spec.securityContext, ...container.securityContext };
    const wanted: readonly (readonly [string, boolean])[] = [
      ['serviceAccountName: expected an account that is there', accounts.has(spec.serviceAccountName ?? '')],
      ['automountServiceAccountToken: expected false', spec.automountServiceAccountToken === false],
      ['enableServiceLinks: expected false', spec.enableServiceLinks === false],
      ['containers: expected one', spec.containers.length === 1],
      ['securityContext.runAsNonRoot: expected true', context['runAsNonRoot'] === true],
      [
        'securityContext.allowPrivilegeEscalation: expected false',
        container.securityContext['allowPrivilegeEscalation'] === false,
      ],
      [
        'securityContext.readOnlyRootFilesystem: expected true',
        container.securityContext['readOnlyRootFilesystem'] === true,
      ],
      [
        'securityContext.capabilities: expected drop: [ALL]',
        JSON.stringify(container.securityContext['capabilities']) === '{"drop":["ALL"]}',
      ],
      [
        'securityContext.seccompProfile: expected RuntimeDefault',
        JSON.stringify(context['seccompProfile']) === '{"type":"RuntimeDefault"}',
      ],
      [
        'resources.requests: expected cpu and memory',
        hasAll(container.resources.requests, ['cpu', 'memory']),
      ],
      ['resources.limits: expected memory', hasAll(container.resources.limits, ['memory'])],
      [
        'app.kubernetes.io/name: expected the same label on the pod',
        pod.metadata.labels?.['app.kubernetes.io/name'] === resource.metadata.name,
      ],
    ];
    return wanted.flatMap(([problem, isMet]) => (isMet ? [] : [`${id}: ${problem}`]));
  });
}

function hasAll(record: Readonly<Record<string, string>> | undefined, keys: readonly string[]): boolean {
  return keys.every((key) => record?.[key] !== undefined);
}

/** Every function is one that Serving scales as meant, and that only the cluster can call. */
export function checkFunctions(resources: readonly Resource[]): readonly string[] {
  return workloads(resources)
    .filter(({ resource }) => isFunction(resource))
    .flatMap(({ id, resource, pod, container }) => {
      const scale = (name: string): string =>
        pod.metadata.annotations?.[`autoscaling.knative.dev/${name}`] ?? '';
      const { labels } = resource.metadata;
      const wanted: readonly (readonly [string, boolean])[] = [
        [
          'networking.knative.dev/visibility: expected cluster-local',
          labels?.['networking.knative.dev/visibility'] === 'cluster-local',
        ],
        [
          'app.kubernetes.io/component: expected function, by which deploy.sh knows it',
          labels?.['app.kubernetes.io/component'] === 'function',
        ],
        ['min-scale: expected 0', scale('min-scale') === '0'],
        ['max-scale: expected a bound', Number(scale('max-scale')) >= 1],
        ['containerConcurrency: expected a bound', (pod.spec.containerConcurrency ?? 0) >= 1],
        ['timeoutSeconds is missing', pod.spec.timeoutSeconds !== undefined],
        ['target: expected containerConcurrency', Number(scale('target')) === pod.spec.containerConcurrency],
        ['readinessProbe and livenessProbe: expected its own', hasProbes(container)],
      ];
      return wanted.flatMap(([problem, isMet]) => (isMet ? [] : [`${id}: ${problem}`]));
    });
}

function hasProbes({ readinessProbe, livenessProbe }: Workload['container']): boolean {
  return readinessProbe?.httpGet !== undefined && livenessProbe?.httpGet !== undefined;
}

/** A feed has one writer, also during a rollout. */
export function checkWriter(resources: readonly Resource[]): readonly string[] {
  return workloads(resources)
    .filter(({ container }) => nameOfImage(container.image) === 'kandle/ingest')
    .flatMap(({ id, resource }) => {
      if (resource.kind !== 'StatefulSet') return [`${id}: two pods of one feed could write at once`];
      return resource.spec.replicas === 1 ? [] : [`${id}: replicas: expected 1, a shard has one writer`];
    });
}

/** An image is that of a part of this project, in one registry and one version; `:latest` says nothing. */
export function checkImages(resources: readonly Resource[], parts: KnownVariables): readonly string[] {
  const problems: string[] = [];
  const seen = new Set<string>();
  for (const { id, container } of workloads(resources)) {
    const image = container.image ?? '';
    const part = nameOfImage(image).replace(/^kandle\//, '');
    if (part !== container.name || !parts.has(part))
      problems.push(`${id}: image ${image}: expected kandle/${container.name}, and a part of this name`);
    const version = /(?::([\w.-]+)|@sha256:[0-9a-f]{64})$/.exec(image);
    if (version === null || version[1] === 'latest')
      problems.push(`${id}: image ${image}: expected a version`);
    seen.add(image.replace(`kandle/${part}`, 'kandle/…').replace(/@.*$/, ''));
  }
  if (seen.size > 1) problems.push(`images come from different places or versions: ${[...seen].join(', ')}`);
  return problems;
}

/** `kandle/ingest` of `registry.example.com/kandle/ingest:0.1.0`. */
function nameOfImage(image = ''): string {
  return /(kandle\/[a-z-]+)(?::[\w.-]+)?(?:@sha256:[0-9a-f]+)?$/.exec(image)?.[1] ?? image;
}

/** Variables that Node itself reads. */
const NODE_VARIABLES: ReadonlySet<string> = new Set(['NODE_OPTIONS']);

/** Every variable is known, every reference leads somewhere, and every file that is named is mounted. */
export function checkEnvironment(resources: readonly Resource[], parts: KnownVariables): readonly string[] {
  const maps = new Map(
    ofKind(resources, 'ConfigMap').map(({ metadata, data }) => [metadata.name, data ?? {}]),
  );
  return workloads(resources).flatMap((workload) => {
    const { id, container } = workload;
    const problems: string[] = [];
    const values = new Map<string, string | null>();
    for (const { configMapRef } of container.envFrom) {
      const data = maps.get(configMapRef?.name ?? '');
      if (data === undefined) problems.push(`envFrom: there is no ConfigMap ${configMapRef?.name}`);
      for (const [name, value] of Object.entries(data ?? {})) values.set(name, value);
    }
    for (const { name, value, valueFrom } of container.env) {
      const { configMapKeyRef: map, secretKeyRef: secret } = valueFrom ?? {};
      values.set(name, value ?? null);
      if (map !== undefined && maps.get(map.name ?? '')?.[map.key ?? ''] === undefined)
        problems.push(`env ${name}: there is no ConfigMap ${map.name} with a key ${map.key}`);
      if (secret !== undefined && !SECRETS.get(secret.name ?? '')?.includes(secret.key ?? ''))
        problems.push(`env ${name}: there is no Secret ${secret.name} with a key ${secret.key}`);
    }
    const known = parts.get(container.name);
    for (const [name, value] of values) {
      if (known?.has(name) === false && !NODE_VARIABLES.has(name))
        problems.push(`env ${name} is not known to the configuration of ${container.name}`);
      if (name.endsWith('_FILE') && value !== null && !isMounted(workload, value, maps))
        problems.push(`env ${name}: nothing is mounted at ${value}`);
    }
    problems.push(...checkPorts(workload));
    return problems.map((problem) => `${id}: ${problem}`);
  });
}

function checkPorts({ container }: Workload): readonly string[] {
  return (['readinessProbe', 'livenessProbe'] as const).flatMap((name) => {
    const port = container[name]?.httpGet?.port;
    const isThere = container.ports.some((one) => port === one.name || port === one.containerPort);
    return port === undefined || isThere ? [] : [`${name}: the container has no port ${port}`];
  });
}

/** True if a Secret or ConfigMap that is known, with this key, is mounted where the file is expected. */
function isMounted(
  { pod, container }: Workload,
  file: string,
  maps: ReadonlyMap<string, Readonly<Record<string, string>>>,
): boolean {
  const folder = file.slice(0, file.lastIndexOf('/'));
  const mount = container.volumeMounts.find(({ mountPath }) => mountPath === folder);
  const volume = pod.spec.volumes.find(({ name }) => name === mount?.name);
  const map = maps.get(volume?.configMap?.name ?? '');
  const keys = SECRETS.get(volume?.secret?.secretName ?? '') ?? Object.keys(map ?? {});
  return keys.includes(file.slice(file.lastIndexOf('/') + 1));
}

/** Nothing is there twice, and what selects by a name selects something. */
export function checkNames(resources: readonly Resource[]): readonly string[] {
  const problems: string[] = [];
  const seen = new Set<string>();
  for (const one of resources) {
    const id = `${one.apiVersion} ${idOf(one)} in ${one.metadata.namespace ?? 'the cluster'}`;
    if (seen.has(id)) problems.push(`${id} is there twice`);
    seen.add(id);
  }
  const functions = new Set(ofKind(resources, 'Service').map(({ metadata }) => metadata.name));
  for (const budget of ofKind(resources, 'PodDisruptionBudget')) {
    const name = budget.spec.selector?.matchLabels?.['serving.knative.dev/service'];
    if (!functions.has(name ?? '')) problems.push(`${idOf(budget)}: there is no function ${name}`);
  }
  return problems;
}

const USES: readonly (readonly [string, string])[] = [
  ['kandle-kafka', 'to-kafka'],
  ['kandle-cassandra', 'to-cassandra'],
];

/** Nothing is open that is not needed, and what is needed is open. */
export function checkNetwork(resources: readonly Resource[], parts: KnownVariables): readonly string[] {
  const problems: string[] = [];
  const policies = new Map(ofKind(resources, 'NetworkPolicy').map((one) => [one.metadata.name, one]));
  const names = new Set(workloads(resources).map(({ resource }) => resource.metadata.name));
  const deny = policies.get('default-deny');
  if (
    JSON.stringify(deny?.spec.podSelector) !== '{"matchExpressions":[]}' ||
    deny?.spec.policyTypes.length !== 2
  )
    problems.push('NetworkPolicy default-deny: expected one for all pods and both directions');
  for (const [map, name] of USES) {
    const policy = policies.get(name);
    const chosen = new Set(policy?.spec.podSelector?.matchExpressions.flatMap(({ values }) => values));
    const users = new Set(
      workloads(resources)
        .filter(({ container }) => container.envFrom.some(({ configMapRef }) => configMapRef?.name === map))
        .map(({ resource }) => resource.metadata.name),
    );
    for (const user of users)
      if (!chosen.has(user)) problems.push(`NetworkPolicy ${name} leaves ${user} out`);
    for (const one of chosen)
      if (names.has(one) && !users.has(one)) problems.push(`NetworkPolicy ${name}: ${one} does not need it`);
    const data = ofKind(resources, 'ConfigMap').find(({ metadata }) => metadata.name === map)?.data;
    const port = Number(data?.['CASSANDRA_PORT'] ?? data?.['KAFKA_BROKERS']?.split(':')[1]);
    const open = policy?.spec.egress.flatMap(({ ports }) => ports.map((one) => one.port)) ?? [];
    if (!open.includes(port)) problems.push(`NetworkPolicy ${name}: port ${port} is closed`);
  }
  for (const policy of policies.values()) {
    for (const { key, values } of policy.spec.podSelector?.matchExpressions ?? [])
      for (const value of key === 'app.kubernetes.io/name' ? values : [])
        if (!parts.has(value)) problems.push(`${idOf(policy)}: there is no ${value}`);
  }
  return problems;
}
