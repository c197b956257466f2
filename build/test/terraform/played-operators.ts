import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { ROOT } from '../../bundle.ts';

/** The kinds of Strimzi and cass-operator, and who takes the finalizer of each away. */
const KINDS = [
  { kind: 'Kafka', group: 'kafka.strimzi.io', version: 'v1', operator: 'strimzi' },
  { kind: 'KafkaNodePool', group: 'kafka.strimzi.io', version: 'v1', operator: 'strimzi' },
  { kind: 'KafkaTopic', group: 'kafka.strimzi.io', version: 'v1', operator: 'entity' },
  { kind: 'KafkaUser', group: 'kafka.strimzi.io', version: 'v1', operator: 'entity' },
  { kind: 'CassandraDatacenter', group: 'cassandra.datastax.com', version: 'v1beta1', operator: 'cassandra' },
] as const;
const FINALIZER = 'kandle.test/operator';

type Operator = (typeof KINDS)[number]['operator'];

/** Where an operator's pod stands, as the charts and Strimzi have it. */
const PODS: Readonly<Record<Operator, { namespace: string; name: string; labels: Record<string, string> }>> =
  {
    strimzi: { namespace: 'strimzi', name: 'strimzi-cluster-operator-0', labels: {} },
    entity: {
      namespace: 'kafka',
      name: 'kandle-entity-operator-0',
      labels: { 'strimzi.io/name': 'kandle-entity-operator' },
    },
    cassandra: { namespace: 'cass-operator', name: 'cass-operator-0', labels: {} },
  };

const ListSchema = z.object({
  items: z.array(
    z.object({
      metadata: z.object({
        name: z.string(),
        namespace: z.string().default(''),
        generation: z.number().default(0),
        finalizers: z.array(z.string()).default([]),
        deletionTimestamp: z.string().optional(),
      }),
      status: z
        .looseObject({ conditions: z.array(z.looseObject({})).default([]), phase: z.string().optional() })
        .default({ conditions: [] }),
    }),
  ),
});

/** What a cluster has beside its API server, as far as Terraform sees it. */
export interface PlayedOperators {
  /** An operator is gone with its pod: what it had to do is left undone. */
  stop(operator: Operator): Promise<void>;
  start(operator: Operator): Promise<void>;
  /** What stands of the operators' kinds: kind/namespace/name. */
  standing(): Promise<readonly string[]>;
  end(): Promise<void>;
}

/**
 * Plays the controllers: gives everything of their kinds a finalizer and the condition Ready, takes the
 * finalizer away late, and ends namespaces.
 *
 * @param url The API without a login.
 * @param lateMs How long after a deletion a finalizer is taken away.
 */
export async function playOperators(url: string, lateMs: number): Promise<PlayedOperators> {
  const call = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { 'content-type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json' },
      body: body === undefined ? null : JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
    return response.json();
  };
  const list = async (path: string) => ListSchema.parse(await call('GET', path)).items;
  const itemsPath = ({ group, version, kind }: (typeof KINDS)[number], namespace = ''): string =>
    `/apis/${group}/${version}/${namespace === '' ? '' : `namespaces/${namespace}/`}${kind.toLowerCase()}s`;

  for (const { kind, group, version } of KINDS)
    await call(
      'POST',
      '/apis/apiextensions.k8s.io/v1/customresourcedefinitions',
      definition(kind, group, version),
    );

  const running = new Set<Operator>();
  const deletedMs = new Map<string, number>();

  async function reconcile(): Promise<void> {
    for (const one of KINDS) {
      if (!running.has(one.operator)) continue;
      for (const { metadata, status } of await list(itemsPath(one))) {
        const path = `${itemsPath(one, metadata.namespace)}/${metadata.name}`;
        if (metadata.deletionTimestamp !== undefined) {
          const sinceMs = deletedMs.get(path) ?? performance.now();
          deletedMs.set(path, sinceMs);
          if (performance.now() - sinceMs < lateMs || metadata.finalizers.length === 0) continue;
          deletedMs.delete(path);
          await call('PATCH', path, { metadata: { finalizers: null } });
        } else if (!metadata.finalizers.includes(FINALIZER)) {
          await call('PATCH', path, { metadata: { finalizers: [FINALIZER] } });
        } else if (status.conditions.length === 0) {
          const ready = { type: 'Ready', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' };
          const extra = one.kind === 'CassandraDatacenter' ? { message: '', reason: '' } : {};
          await call('PATCH', `${path}/status`, { status: { conditions: [{ ...ready, ...extra }] } });
        }
      }
    }
    for (const { metadata, status } of await list('/api/v1/namespaces')) {
      if (status.phase !== 'Terminating') continue;
      // Kubernetes' own controller waits for all that stands in it.
      const left = (await standing()).filter((name) => name.split('/')[1] === metadata.name);
      if (left.length > 0) continue;
      for (const { metadata: pod } of await list(`/api/v1/namespaces/${metadata.name}/pods`))
        await call('DELETE', `/api/v1/namespaces/${metadata.name}/pods/${pod.name}?gracePeriodSeconds=0`);
      await call('PUT', `/api/v1/namespaces/${metadata.name}/finalize`, {
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { name: metadata.name },
        spec: { finalizers: [] },
      });
    }
  }

  async function standing(): Promise<readonly string[]> {
    const names = await Promise.all(
      KINDS.map(async (one) =>
        (await list(itemsPath(one))).map(
          ({ metadata }) => `${one.kind.toLowerCase()}/${metadata.namespace}/${metadata.name}`,
        ),
      ),
    );
    return names.flat().toSorted();
  }

  const ending = new AbortController();
  let lastError: unknown = null;
  const loop = (async () => {
    while (!ending.signal.aborted) {
      // A conflict with Terraform is tried again; anything lasting is told at the end.
      lastError = await reconcile().then(
        () => null,
        (error: unknown) => error,
      );
      await sleep(500);
    }
  })();

  return {
    standing,
    async start(operator) {
      const { namespace, name, labels } = PODS[operator];
      await call('POST', '/api/v1/namespaces', { metadata: { name: namespace } }).catch(() => undefined);
      const pods = `/api/v1/namespaces/${namespace}/pods`;
      await call('POST', pods, {
        metadata: { name, labels },
        spec: { containers: [{ name: 'operator', image: 'operator' }] },
      });
      await call('PATCH', `${pods}/${name}/status`, { status: { phase: 'Running' } });
      running.add(operator);
    },
    async stop(operator) {
      const { namespace, name } = PODS[operator];
      running.delete(operator);
      await call('DELETE', `/api/v1/namespaces/${namespace}/pods/${name}?gracePeriodSeconds=0`);
    },
    async end() {
      ending.abort();
      await loop;
      if (lastError !== null) throw lastError;
    },
  };
}

/** A kind as its project defines it, by its schema in `knative/schemas`. */
function definition(kind: string, group: string, version: string): unknown {
  const plural = `${kind.toLowerCase()}s`;
  const file = `${kind.toLowerCase()}-${group.split('.')[0]}-${version}.json`;
  const schema: unknown = JSON.parse(
    readFileSync(join(ROOT, 'knative/schemas', file), 'utf8'),
    (key, value) =>
      // What kubeconform adds, and a definition may not have.
      key === 'additionalProperties' && value === false ? undefined : value,
  );
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { kind, plural, singular: kind.toLowerCase(), listKind: `${kind}List` },
      versions: [
        {
          name: version,
          served: true,
          storage: true,
          schema: { openAPIV3Schema: schema },
          subresources: { status: {} },
        },
      ],
    },
  };
}
