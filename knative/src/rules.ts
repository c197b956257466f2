import { FunctionEnv } from '@kandle/runtime/function-server';
import { configMapsOf, type Environment, type KnownVariables, readEnvironment } from './environment.ts';
import type { Manifests } from './manifests.ts';
import { type Workload, workloadsOf } from './workloads.ts';

/** Where functions and ingest listen unless they are told otherwise; Serving tells them the containerPort. */
const FUNCTION_PORT = 8_080;
const DEFAULT_IN_FLIGHT = FunctionEnv.shape.MAX_IN_FLIGHT.parse(undefined);

/**
 * What no schema can see: that every name referred to exists, that ports and time-outs fit, and that every
 * variable is one that the part's configuration knows. The rules of `npm start` and of
 * `npm run check:manifests`, which adds those that only a cluster needs.
 *
 * @returns One line for each thing that is wrong, naming resource and field.
 */
export function checkReferences(manifests: Manifests, parts: KnownVariables): readonly string[] {
  return [
    ...checkTopics(manifests),
    ...checkSources(manifests),
    ...manifests.Service.flatMap(checkScale),
    ...checkContainers(manifests, parts),
  ];
}

function checkTopics({ KafkaTopic, KafkaSink }: Manifests): readonly string[] {
  const topics = new Set<string>();
  const problems = KafkaTopic.flatMap(({ at, resource: { spec } }) => {
    const isTwice = topics.has(spec.topicName);
    topics.add(spec.topicName);
    return isTwice ? [`${at}: spec.topicName ${spec.topicName} is used twice`] : [];
  });
  for (const { at, resource } of KafkaSink)
    if (!topics.has(resource.spec.topic))
      problems.push(`${at}: spec.topic: there is no KafkaTopic for ${resource.spec.topic}`);
  return problems;
}

/**
 * A source has a topic, a service that answers before its delivery times out, a dead letter sink, and its own
 * group.
 */
function checkSources({ KafkaSource, KafkaSink, KafkaTopic, Service }: Manifests): readonly string[] {
  const partitions = new Map(
    KafkaTopic.map(({ resource: { spec } }) => [spec.topicName, spec.partitions] as const),
  );
  const timeouts = new Map(
    Service.map(({ resource }) => [resource.metadata.name, resource.spec.template.spec.timeoutSeconds]),
  );
  const sinks = new Set(KafkaSink.map(({ resource }) => resource.metadata.name));
  const groups = new Set<string>();
  return KafkaSource.flatMap(({ at, resource: { spec } }) => {
    const problems: string[] = [];
    const say = (problem: string): void => void problems.push(`${at}: ${problem}`);
    const sink = spec.sink.ref.name;
    const deadLetters = spec.delivery.deadLetterSink.ref.name;
    const timeoutSeconds = timeouts.get(sink);
    for (const topic of spec.topics) {
      const most = partitions.get(topic);
      if (most === undefined) say(`spec.topics: there is no KafkaTopic for ${topic}`);
      else if (spec.consumers > most) say(`spec.consumers: ${topic} has ${most} partitions`);
    }
    if (timeoutSeconds === undefined) say(`spec.sink.ref: there is no Service ${sink}`);
    else if (timeoutSeconds * 1_000 >= spec.delivery.timeout)
      say(
        `spec.delivery.timeout is not above timeoutSeconds of ${sink}: a retry would overtake its own first try`,
      );
    if (!sinks.has(deadLetters))
      say(`spec.delivery.deadLetterSink.ref: there is no KafkaSink ${deadLetters}`);
    if (groups.has(spec.consumerGroup)) say(`spec.consumerGroup ${spec.consumerGroup} is used twice`);
    groups.add(spec.consumerGroup);
    return problems;
  });
}

function checkScale({ at, resource }: Manifests['Service'][number]): readonly string[] {
  const { annotations } = resource.spec.template.metadata;
  const least = Number(annotations['autoscaling.knative.dev/min-scale'] ?? 0);
  const most = Number(annotations['autoscaling.knative.dev/max-scale'] ?? 0);
  return most !== 0 && least > most ? [`${at}: min-scale ${least} is above max-scale ${most}`] : [];
}

function checkContainers(manifests: Manifests, parts: KnownVariables): readonly string[] {
  const configMaps = configMapsOf(manifests);
  return workloadsOf(manifests).flatMap((workload) => {
    const environment = readEnvironment(workload, configMaps, parts);
    return [
      ...environment.problems,
      ...checkPorts(workload, environment),
      ...checkInFlight(workload, environment),
      ...checkRequestBudgets(workload, environment, parts),
    ];
  });
}

/** What Serving lets in beyond what the function takes would be answered 429, and come again seconds later. */
function checkInFlight({ at, pod }: Workload, { values }: Environment): readonly string[] {
  if (!('containerConcurrency' in pod.spec)) return [];
  const takes = Number(values.get('MAX_IN_FLIGHT') ?? DEFAULT_IN_FLIGHT);
  const lets = Number(pod.spec.containerConcurrency);
  return lets > 0 && lets <= takes
    ? []
    : [`${at}: containerConcurrency ${lets}: it takes ${takes} (MAX_IN_FLIGHT) and answers 429 beyond`];
}

/**
 * A function ends its work before Serving cuts it off: by `timeoutSeconds` a request, and as long after SIGTERM
 * a pod. What is cut off is tried again from the beginning, for ever.
 */
function checkRequestBudgets(
  { at, pod, container }: Workload,
  { values }: Environment,
  parts: KnownVariables,
): readonly string[] {
  if (!('timeoutSeconds' in pod.spec)) return [];
  const timeoutSeconds = Number(pod.spec.timeoutSeconds);
  return [...(parts.get(container.name) ?? [])].flatMap(([name, { requestBudgetMs }]) => {
    const budgetMs = Number(values.get(name) || requestBudgetMs);
    return requestBudgetMs === null || budgetMs < timeoutSeconds * 1_000
      ? []
      : [`${at}: ${name} is ${budgetMs} ms: not below timeoutSeconds (${timeoutSeconds})`];
  });
}

function checkPorts({ at, container }: Workload, { values }: Environment): readonly string[] {
  const [port] = container.ports;
  if (port === undefined) return [];
  const listens = Number(values.get('HTTP_PORT') ?? FUNCTION_PORT);
  if (port.containerPort !== listens)
    return [`${at}: containerPort ${port.containerPort}: it listens to ${listens}`];
  return (['readinessProbe', 'livenessProbe'] as const).flatMap((name) => {
    const probed = container[name]?.httpGet.port;
    const isThere = probed === undefined || probed === port.name || probed === port.containerPort;
    return isThere ? [] : [`${at}: ${name}.httpGet.port ${probed}: the container has no such port`];
  });
}
