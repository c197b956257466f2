import { BlockList } from 'node:net';
import type { Manifests, Resource } from '../src/manifests.ts';
import { workloadsOf } from '../src/workloads.ts';

type Policy = Resource<'NetworkPolicy'>;
type Selector = Policy['spec']['podSelector'];
type Labels = Readonly<Record<string, string>>;

/** Somebody who talks or is talked to. */
export interface Place {
  readonly name: string;
  /** Where its pods run, and their labels; null for what is outside of the cluster's pods. */
  readonly pods: { readonly namespace: string; readonly labels: Labels } | null;
  /** Its address, where only that is known. */
  readonly address: string | null;
}

/** The pods of the pipeline, each with the labels that Knative or its workload gives it. */
export function pipelinePlaces(manifests: Manifests): readonly Place[] {
  return workloadsOf(manifests).map(({ kind, name, pod }) => ({
    name,
    pods: {
      namespace: 'kandle',
      labels: {
        ...pod.metadata.labels,
        ...(kind === 'Service' && { 'serving.knative.dev/service': name }),
      },
    },
    address: null,
  }));
}

/**
 * True if the policies let one talk to the other on a TCP port, as Kubernetes reads them: whoever is chosen by
 * a policy of a direction may do what one of those policies says, whoever is chosen by none may do anything.
 */
export function canReach(manifests: Manifests, from: Place, to: Place, port: number): boolean {
  const policies = manifests.NetworkPolicy.map(({ resource }) => resource);
  return (
    allows(policies, { of: from, direction: 'Egress', peer: to, port }) &&
    allows(policies, { of: to, direction: 'Ingress', peer: from, port })
  );
}

interface Question {
  readonly of: Place;
  readonly direction: 'Egress' | 'Ingress';
  readonly peer: Place;
  readonly port: number;
}

function allows(policies: readonly Policy[], { of, direction, peer, port }: Question): boolean {
  const { pods } = of;
  if (pods === null) return true;
  const chosen = policies.filter(
    ({ metadata, spec }) =>
      metadata.namespace === pods.namespace &&
      spec.policyTypes.includes(direction) &&
      matches(spec.podSelector, pods.labels),
  );
  if (chosen.length === 0) return true;
  return chosen.some(({ metadata, spec }) => {
    const rules =
      direction === 'Egress'
        ? spec.egress.map(({ ports, to }) => ({ ports, peers: to }))
        : spec.ingress.map(({ ports, from }) => ({ ports, peers: from }));
    return rules.some(
      ({ ports, peers }) =>
        (ports.length === 0 || ports.some((one) => one.protocol === 'TCP' && one.port === port)) &&
        (peers.length === 0 || peers.some((one) => isPeer(one, peer, metadata.namespace ?? ''))),
    );
  });
}

type Peer = Policy['spec']['egress'][number]['to'][number];

function isPeer({ namespaceSelector, podSelector, ipBlock }: Peer, place: Place, own: string): boolean {
  const { pods, address } = place;
  if (ipBlock !== undefined)
    return (
      address !== null &&
      isWithin(address, ipBlock.cidr) &&
      !ipBlock.except.some((one) => isWithin(address, one))
    );
  if (pods === null) return false;
  const inNamespace =
    namespaceSelector === undefined
      ? pods.namespace === own
      : matches(namespaceSelector, { 'kubernetes.io/metadata.name': pods.namespace });
  return inNamespace && (podSelector === undefined || matches(podSelector, pods.labels));
}

function matches({ matchLabels, matchExpressions }: Selector, labels: Labels): boolean {
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every(({ key, operator, values }) => {
      const label = labels[key];
      if (operator === 'Exists') return label !== undefined;
      if (operator === 'In') return label !== undefined && values.includes(label);
      throw new RangeError(`Cannot judge the operator ${operator} of a NetworkPolicy`);
    })
  );
}

function isWithin(address: string, cidr: string): boolean {
  const [network = '', prefix] = cidr.split('/');
  const family = network.includes(':') ? 'ipv6' : 'ipv4';
  if (address.includes(':') !== network.includes(':')) return false;
  const block = new BlockList();
  block.addSubnet(network, Number(prefix), family);
  return block.check(address, family);
}
