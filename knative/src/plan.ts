import type { Container } from './resource-schemas.ts';
import { memoryLimitMb } from './memory.ts';
import type { Manifests, Placed } from './manifests.ts';
import { StartError } from '@kandle/tooling/start-error';

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
  readonly consumers: number;
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

/** What the runner knows of the project's own code: the variables that each function's configuration takes. */
export type KnownVariables = ReadonlyMap<string, ReadonlySet<string>>;

/** Where functions and ingest listen unless they are told otherwise; Serving tells them the containerPort. */
const FUNCTION_PORT = 8_080;
const DEFAULT_TARGET = 100;
/** Serving starts another process when those there are this full, percent. */
const DEFAULT_UTILIZATION = 70;

/**
 * Makes a plan of manifests, and checks what no schema can: that every name referred to exists, that ports and
 * time-outs fit, and that every variable is one that the function's configuration knows.
 *
 * @throws {StartError} One line for each thing that is wrong, naming file and field.
 */
export function planRun(manifests: Manifests, known: KnownVariables): RunPlan {
  const problems: string[] = [];
  const sinkTopics = new Map(
    manifests.KafkaSink.map(({ resource }) => [resource.metadata.name, resource.spec.topic]),
  );
  const topics = new Set<string>();
  for (const { file, resource } of manifests.KafkaTopic) {
    const { topicName } = resource.spec;
    if (topics.has(topicName))
      problems.push(
        `${file}: KafkaTopic ${resource.metadata.name}: spec.topicName ${topicName} is used twice`,
      );
    topics.add(topicName);
  }
  const configMaps = new Map(
    manifests.ConfigMap.map(({ resource }) => [resource.metadata.name, resource.data]),
  );
  const groups = new Set<string>();

  function readEnv({ file }: Placed<unknown>, owner: string, container: Container): Record<string, string> {
    const env: Record<string, string> = {};
    const knownHere = known.get(owner);
    if (knownHere === undefined)
      problems.push(`${file}: ${owner}: there is no function of this name in functions/`);
    for (const { configMapRef } of container.envFrom) {
      const data = configMaps.get(configMapRef.name);
      const field = `${file}: ${owner}: envFrom ${configMapRef.name}`;
      if (data === undefined) problems.push(`${field}: there is no such ConfigMap`);
      const unknown = Object.keys(data ?? {}).filter((name) => knownHere?.has(name) === false);
      if (unknown.length > 0)
        problems.push(`${field} has what the configuration of ${owner} does not know: ${unknown.join(', ')}`);
      Object.assign(env, data);
    }
    const given = new Set<string>();
    for (const { name, value, valueFrom } of container.env) {
      const field = `${file}: ${owner}: env ${name}`;
      if (knownHere !== undefined && !knownHere.has(name)) {
        problems.push(`${field} is not known to the configuration of ${owner}`);
      }
      if (given.has(name)) problems.push(`${field} is given twice`);
      given.add(name);
      if (valueFrom === undefined) env[name] = value ?? '';
      else if (valueFrom.configMapKeyRef !== undefined) {
        const { name: map, key } = valueFrom.configMapKeyRef;
        const found = configMaps.get(map)?.[key];
        if (found === undefined) problems.push(`${field}: there is no ConfigMap ${map} with a key ${key}`);
        else env[name] = found;
      }
      // Secrets are the user's own: the launcher passes them on from the environment.
      else if (valueFrom.secretKeyRef === undefined) problems.push(`${field}: valueFrom refers to nothing`);
    }
    return env;
  }

  function checkPorts({ file }: Placed<unknown>, owner: string, container: Container, listens: number): void {
    const [port] = container.ports;
    const at = `${file}: ${owner}`;
    if (port?.containerPort !== listens)
      return void problems.push(`${at}: containerPort ${port?.containerPort}: it listens to ${listens}`);
    for (const name of ['readinessProbe', 'livenessProbe'] as const) {
      const probed = container[name]?.httpGet.port;
      if (probed !== undefined && probed !== port?.name && probed !== port?.containerPort)
        problems.push(`${at}: ${name}.httpGet.port ${probed}: the container has no such port`);
    }
  }

  const services = manifests.Service.map((placed): ServicePlan => {
    const { template } = placed.resource.spec;
    const name = placed.resource.metadata.name;
    const [container] = template.spec.containers;
    if (container === undefined) throw new StartError(`${placed.file}: ${name}: no container`);
    const annotations = template.metadata?.annotations;
    const { containerConcurrency } = template.spec;
    const limit = containerConcurrency === 0 ? Number.POSITIVE_INFINITY : containerConcurrency;
    checkPorts(placed, name, container, FUNCTION_PORT);
    const minScale = Number(annotations?.['autoscaling.knative.dev/min-scale'] ?? 0);
    const maxScale = Number(annotations?.['autoscaling.knative.dev/max-scale'] ?? 0);
    if (maxScale !== 0 && minScale > maxScale)
      problems.push(`${placed.file}: ${name}: min-scale ${minScale} is above max-scale ${maxScale}`);
    return {
      name,
      minScale,
      maxScale,
      containerConcurrency,
      targetConcurrency:
        (Math.min(limit, Number(annotations?.['autoscaling.knative.dev/target'] ?? DEFAULT_TARGET)) *
          Number(
            annotations?.['autoscaling.knative.dev/target-utilization-percentage'] ?? DEFAULT_UTILIZATION,
          )) /
        100,
      timeoutMs: template.spec.timeoutSeconds * 1_000,
      readinessPath: container.readinessProbe?.httpGet.path ?? '/health/readiness',
      memoryMb: memoryLimitMb(container.resources),
      env: readEnv(placed, name, container),
    };
  });

  function planProcess(placed: Manifests['StatefulSet' | 'Deployment'][number]): ProcessPlan {
    const { name } = placed.resource.metadata;
    const [container] = placed.resource.spec.template.spec.containers;
    if (container === undefined) throw new StartError(`${placed.file}: ${name}: no container`);
    const env = readEnv(placed, name, container);
    checkPorts(placed, name, container, Number(env['HTTP_PORT'] ?? FUNCTION_PORT));
    return {
      name,
      livenessPath: container.livenessProbe?.httpGet.path ?? '/health/liveness',
      memoryMb: memoryLimitMb(container.resources),
      env,
    };
  }

  const sources = manifests.KafkaSource.map(({ file, resource }): SourcePlan => {
    const { spec } = resource;
    const name = resource.metadata.name;
    const at = `${file}: KafkaSource ${name}`;
    const [topic = ''] = spec.topics;
    const sink = services.find((service) => service.name === spec.sink.ref.name);
    const deadLetter = spec.delivery.deadLetterSink.ref.name;
    if (!topics.has(topic)) problems.push(`${at}: spec.topics: there is no KafkaTopic for ${topic}`);
    if (sink === undefined) problems.push(`${at}: spec.sink.ref: there is no Service ${spec.sink.ref.name}`);
    else if (sink.timeoutMs >= spec.delivery.timeout) {
      problems.push(
        `${at}: spec.delivery.timeout is not above timeoutSeconds of ${sink.name}: a retry would overtake its own first try`,
      );
    }
    if (!sinkTopics.has(deadLetter)) {
      problems.push(`${at}: spec.delivery.deadLetterSink.ref: there is no KafkaSink ${deadLetter}`);
    }
    if (groups.has(spec.consumerGroup))
      problems.push(`${at}: spec.consumerGroup ${spec.consumerGroup} is used twice`);
    groups.add(spec.consumerGroup);
    return {
      name,
      topic,
      consumerGroup: spec.consumerGroup,
      consumers: spec.consumers,
      initialOffset: spec.initialOffset,
      ordering: spec.ordering,
      sink: spec.sink.ref.name,
      delivery: {
        retry: spec.delivery.retry,
        backoffPolicy: spec.delivery.backoffPolicy,
        backoffDelayMs: spec.delivery.backoffDelay,
        timeoutMs: spec.delivery.timeout,
        deadLetterTopic: sinkTopics.get(deadLetter) ?? null,
      },
    };
  });

  for (const { file, resource } of manifests.KafkaSink) {
    if (!topics.has(resource.spec.topic)) {
      problems.push(
        `${file}: KafkaSink ${resource.metadata.name}: spec.topic: there is no KafkaTopic for ${resource.spec.topic}`,
      );
    }
  }
  const [writer, another] = manifests.StatefulSet;
  if (another !== undefined)
    problems.push(`${another.file}: StatefulSet ${another.resource.metadata.name}: the runner knows one`);
  const ingest = writer === undefined ? null : planProcess(writer);
  const observers = manifests.Deployment.map(planProcess);
  if (problems.length > 0) throw new StartError(problems.join('\n'));
  return {
    topics: manifests.KafkaTopic.map(({ resource }) => toTopic(resource.spec)),
    services,
    sources,
    ingest,
    observers,
  };
}

function toTopic(spec: {
  topicName: string;
  partitions: number;
  config: Record<string, string | number>;
}): TopicPlan {
  const config = Object.entries(spec.config).map(([name, value]) => [name, String(value)] as const);
  return { topic: spec.topicName, partitions: spec.partitions, config: Object.fromEntries(config) };
}
