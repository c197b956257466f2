import type { Manifests } from './manifests.ts';
import { parseQuantity } from './quantity.ts';
import { workloadsOf } from './workloads.ts';

/** CPUs and bytes that pods ask for. */
export interface Requests {
  readonly cpus: number;
  readonly bytes: number;
}

/** Some equal pods. */
export interface PodGroup {
  readonly name: string;
  /** As soon as it is deployed: a function's new revision starts one pod, to show that it can. */
  readonly atFirst: number;
  /** When every function is at its most. */
  readonly atMost: number;
  readonly each: Requests;
}

/** A machine of the cluster, and what its pods ask for that are not ours. */
export interface NodeRoom {
  readonly name: string;
  readonly allocatable: Requests;
  readonly taken: Requests;
}

/**
 * What Knative gives its queue-proxy, beside each function, unless an administrator changed
 * `config-deployment`.
 */
const QUEUE_PROXY: Requests = { cpus: 0.025, bytes: 0 };

/** Kubernetes' requests by resource name, as numbers. */
export function toRequests(requests: Readonly<Record<string, string>>): Requests {
  return { cpus: parseQuantity(requests['cpu'] ?? '0'), bytes: parseQuantity(requests['memory'] ?? '0') };
}

/** The sum. */
export function addRequests(all: Iterable<Requests>): Requests {
  let cpus = 0;
  let bytes = 0;
  for (const one of all) {
    cpus += one.cpus;
    bytes += one.bytes;
  }
  return { cpus, bytes };
}

/**
 * The pods that an overlay makes. What operators add to Kafka's and Cassandra's pods is not in its manifests.
 */
export function podsOf(manifests: Manifests): readonly PodGroup[] {
  const own = workloadsOf(manifests).map(({ kind, name, container, pod }): PodGroup => {
    const each = toRequests(container.resources.requests);
    if (kind === 'CronJob') return { name, atFirst: 0, atMost: 1, each };
    // The schema Job has ended when the rest starts, and needs less.
    if (kind === 'Job') return { name, atFirst: 0, atMost: 0, each };
    if (kind !== 'Service') return { name, atFirst: 1, atMost: 1, each };
    const most = Number(pod.metadata.annotations['autoscaling.knative.dev/max-scale'] ?? 1);
    return { name, atFirst: 1, atMost: most, each: addRequests([each, QUEUE_PROXY]) };
  });
  return [
    ...own,
    ...manifests.KafkaNodePool.map(({ resource: { spec } }) =>
      servers('kafka', spec.replicas, spec.resources),
    ),
    ...manifests.CassandraDatacenter.map(({ resource: { spec } }) =>
      servers('cassandra', spec.size, spec.resources),
    ),
  ];
}

function servers(
  name: string,
  count: number,
  { requests }: { readonly requests: Readonly<Record<string, string>> },
): PodGroup {
  return { name, atFirst: count, atMost: count, each: toRequests(requests) };
}

/** Whether pods fit into a cluster, with a line for each thing that a person should know. */
export interface Fit {
  readonly isEnough: boolean;
  readonly lines: readonly string[];
}

/** Holds what pods ask for against what a cluster has left. */
export function fit(pods: readonly PodGroup[], nodes: readonly NodeRoom[]): Fit {
  const free = nodes.map(({ allocatable, taken }) => subtract(allocatable, taken));
  const has = addRequests(nodes.map(({ allocatable }) => allocatable));
  const left = addRequests(free);
  const first = addRequests(pods.map(({ atFirst, each }) => times(each, atFirst)));
  const most = addRequests(pods.map(({ atMost, each }) => times(each, atMost)));
  const lonely = pods.filter(
    ({ atFirst, each }) => atFirst > 0 && !free.some((room) => isWithin(each, room)),
  );
  const lines = [
    `the cluster has ${describe(has)} for pods on ${nodes.length} node(s), of which ${describe(left)} are free`,
    `to start, this asks for ${describe(first)}; with every function at its most and the audit, for ${describe(most)}`,
    ...lonely.map(({ name, each }) => `no node has room for one pod of ${name}: ${describe(each)}`),
  ];
  const isEnough = isWithin(first, left) && lonely.length === 0;
  if (!isWithin(first, left)) lines.push(`it does not fit: ${describe(missing(first, left))} are missing`);
  else if (!isWithin(most, left))
    lines.push(
      `it starts, but functions at their most would wait for room: ${describe(missing(most, left))} are missing`,
    );
  return { isEnough, lines };
}

function times({ cpus, bytes }: Requests, count: number): Requests {
  return { cpus: cpus * count, bytes: bytes * count };
}

function subtract(a: Requests, b: Requests): Requests {
  return { cpus: a.cpus - b.cpus, bytes: a.bytes - b.bytes };
}

function missing(wanted: Requests, there: Requests): Requests {
  return { cpus: Math.max(0, wanted.cpus - there.cpus), bytes: Math.max(0, wanted.bytes - there.bytes) };
}

/** Room for rounding: a thousandth of a CPU is the smallest that Kubernetes knows. */
const LEAST_CPUS = 0.0005;

function isWithin(wanted: Requests, there: Requests): boolean {
  return wanted.cpus <= there.cpus + LEAST_CPUS && wanted.bytes <= there.bytes;
}

function describe({ cpus, bytes }: Requests): string {
  return `${cpus.toFixed(2)} CPUs and ${(bytes / 2 ** 30).toFixed(1)} GiB`;
}
