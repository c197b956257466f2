import { StartError } from '@kandle/tooling/start-error';
import { configMapsOf, type KnownVariables, readEnvironment } from './environment.ts';
import type { Manifests, Placed } from './manifests.ts';
import { memoryLimitMb } from './memory.ts';
import { checkReferences } from './rules.ts';
import { workloadsOf } from './workloads.ts';

/** A topic to create. */
export interface TopicPlan {
  readonly topic: string;
  readonly partitions: number;
  readonly config: Readonly<Record<string, string>>;
}

/** A function to scale between `minScale` and `maxScale` processes. Durations in milliseconds. */
export interface ServicePlan {
  readonly name: string;
  readonly minScale: number;
  /** 0 for no upper limit. */
  readonly maxScale: number;
  /** Requests that one process takes at a time; 0 for no limit. */
  readonly containerConcurrency: number;
  /** Requests per process beyond which another process is started. */
  readonly targetConcurrency: number;
  readonly timeoutMs: number;
  readonly readinessPath: string;
  /** Memory that the container may have, MiB; null for no limit. */
  readonly memoryMb: number | null;
  readonly env: Readonly<Record<string, string>>;
}

/** When a delivery is given up, and what becomes of the event then. */
export interface DeliveryPlan {
  /** Tries after the first. */
  readonly retry: number;
  readonly backoffPolicy: 'linear' | 'exponential';
  readonly backoffDelayMs: number;
  readonly timeoutMs: number;
  /** Without one an event that is given up is dropped, as KafkaSource does. */
  readonly deadLetterTopic: string | null;
}

/** An event source to run. */
export interface SourcePlan {
  readonly name: string;
  readonly topic: string;
  readonly consumerGroup: string;
  readonly initialOffset: 'earliest' | 'latest';
  readonly ordering: 'ordered' | 'unordered';
  /** Name of the service that gets the events. */
  readonly sink: string;
  readonly delivery: DeliveryPlan;
}

/** A process that runs all the time. */
export interface ProcessPlan {
  readonly name: string;
  readonly livenessPath: string;
  readonly memoryMb: number | null;
  readonly env: Readonly<Record<string, string>>;
}

/** What a folder of manifests asks for. */
export interface RunPlan {
  readonly topics: readonly TopicPlan[];
  readonly services: readonly ServicePlan[];
  readonly sources: readonly SourcePlan[];
  /** Ingest's variables; the feed's own come from the launcher. */
  readonly ingest: ProcessPlan | null;
  /** What else runs all the time, and is not needed for the flow. */
  readonly observers: readonly ProcessPlan[];
}

const DEFAULT_TARGET = 100;
/** Serving starts another process when those there are this full, percent. */
const DEFAULT_UTILIZATION = 70;

/**
 * Makes a plan of manifests.
 *
 * @throws {StartError} One line for each thing that is wrong, naming file and field.
 */
export function planRun(manifests: Manifests, parts: KnownVariables): RunPlan {
  const [writer, another] = manifests.StatefulSet;
  const started = [...manifests.Service, ...manifests.StatefulSet, ...manifests.Deployment];
  const problems = [
    ...checkReferences(manifests, parts),
    ...started.flatMap(({ at, resource: { metadata } }) =>
      parts.has(metadata.name) ? [] : [`${at}: there is no function of this name in functions/`],
    ),
    ...(another === undefined ? [] : [`${another.at}: the runner knows one`]),
  ];
  if (problems.length > 0) throw new StartError(problems.join('\n'));
  const environments = readEnvironments(manifests, parts);
  return {
    topics: manifests.KafkaTopic.map(planTopic),
    services: manifests.Service.map((placed) => planService(placed, environments)),
    sources: manifests.KafkaSource.map((placed) => planSource(placed, manifests)),
    ingest: writer === undefined ? null : planProcess(writer, environments),
    observers: manifests.Deployment.map((placed) => planProcess(placed, environments)),
  };
}

/** Where a cluster mounts Secrets; on a laptop there is nothing. */
const SECRET_FILES = '/secrets/';

/**
 * The variables of each workload that are no secrets, by where it stands. A user's own secrets come from the
 * launcher.
 */
type Environments = ReadonlyMap<string, Readonly<Record<string, string>>>;

function readEnvironments(manifests: Manifests, parts: KnownVariables): Environments {
  const configMaps = configMapsOf(manifests);
  return new Map(
    workloadsOf(manifests).map((workload) => {
      const { values } = readEnvironment(workload, configMaps, parts);
      const plain = [...values].flatMap(([name, value]) =>
        value === null || value.startsWith(SECRET_FILES) ? [] : [[name, value] as const],
      );
      return [workload.at, Object.fromEntries(plain)];
    }),
  );
}

function planTopic({ resource: { spec } }: Placed<'KafkaTopic'>): TopicPlan {
  const config = Object.entries(spec.config).map(([name, value]) => [name, String(value)] as const);
  return { topic: spec.topicName, partitions: spec.partitions, config: Object.fromEntries(config) };
}

function planService({ at, resource }: Placed<'Service'>, environments: Environments): ServicePlan {
  const { metadata, spec } = resource.spec.template;
  const [container] = spec.containers;
  const scale = (
    key: 'min-scale' | 'max-scale' | 'target' | 'target-utilization-percentage',
    usual: number,
  ) => Number(metadata.annotations[`autoscaling.knative.dev/${key}`] ?? usual);
  const { containerConcurrency } = spec;
  const limit = containerConcurrency === 0 ? Number.POSITIVE_INFINITY : containerConcurrency;
  return {
    name: resource.metadata.name,
    minScale: scale('min-scale', 0),
    maxScale: scale('max-scale', 0),
    containerConcurrency,
    targetConcurrency:
      (Math.min(limit, scale('target', DEFAULT_TARGET)) *
        scale('target-utilization-percentage', DEFAULT_UTILIZATION)) /
      100,
    timeoutMs: spec.timeoutSeconds * 1_000,
    readinessPath: container.readinessProbe?.httpGet.path ?? '/health/readiness',
    memoryMb: memoryLimitMb(container.resources),
    env: environments.get(at) ?? {},
  };
}

function planProcess(
  { at, resource }: Placed<'StatefulSet' | 'Deployment'>,
  environments: Environments,
): ProcessPlan {
  const [container] = resource.spec.template.spec.containers;
  return {
    name: resource.metadata.name,
    livenessPath: container.livenessProbe?.httpGet.path ?? '/health/liveness',
    memoryMb: memoryLimitMb(container.resources),
    env: environments.get(at) ?? {},
  };
}

function planSource({ resource }: Placed<'KafkaSource'>, { KafkaSink }: Manifests): SourcePlan {
  const { spec, metadata } = resource;
  const { delivery } = spec;
  const [topic = ''] = spec.topics;
  const deadLetters = KafkaSink.find(
    (sink) => sink.resource.metadata.name === delivery.deadLetterSink.ref.name,
  );
  return {
    name: metadata.name,
    topic,
    consumerGroup: spec.consumerGroup,
    initialOffset: spec.initialOffset,
    ordering: spec.ordering,
    sink: spec.sink.ref.name,
    delivery: {
      retry: delivery.retry,
      backoffPolicy: delivery.backoffPolicy,
      backoffDelayMs: delivery.backoffDelay,
      timeoutMs: delivery.timeout,
      deadLetterTopic: deadLetters?.resource.spec.topic ?? null,
    },
  };
}
