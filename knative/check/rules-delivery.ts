import { z } from 'zod';
import { type Resource, idOf, ofKind } from './resource.ts';

const MOST_TRIES = 1_000;

/** Seconds of an ISO 8601 duration of hours, minutes and seconds; NaN for anything else. */
function secondsOf(duration = ''): number {
  const match = /^PT(?=\d)(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?$/.exec(duration);
  if (match === null) return Number.NaN;
  const [hours = 0, minutes = 0, seconds = 0] = match.slice(1).map((part) => Number(part ?? 0));
  return hours * 3_600 + minutes * 60 + seconds;
}

/**
 * Every event source has what design §2 asks for: a whole delivery block, a dead letter sink on a topic that is
 * there, a service that answers before the delivery times out, a group of its own, and the records from the first on.
 */
export function checkSources(resources: readonly Resource[]): readonly string[] {
  const problems: string[] = [];
  const services = new Map(ofKind(resources, 'Service').map((one) => [one.metadata.name, one]));
  const sinks = new Map(ofKind(resources, 'KafkaSink').map((one) => [one.metadata.name, one]));
  const topics = new Map(ofKind(resources, 'KafkaTopic').map((one) => [one.spec.topicName, one]));
  const groups = new Map<string | undefined, string>();
  for (const source of ofKind(resources, 'KafkaSource')) {
    const { spec } = source;
    const say = (problem: string): void => void problems.push(`${idOf(source)}: ${problem}`);
    const { retry, backoffPolicy, backoffDelay, timeout, deadLetterSink } = spec.delivery ?? {};
    if (retry === undefined || retry < 1 || retry > MOST_TRIES)
      say('delivery.retry: without it nothing is tried again');
    if (backoffPolicy === undefined) say('delivery.backoffPolicy is missing');
    if (!(secondsOf(backoffDelay) > 0)) say('delivery.backoffDelay: expected a duration above PT0S');
    if (!(secondsOf(timeout) > 0)) say('delivery.timeout: expected a duration above PT0S');
    if (deadLetterSink?.ref?.kind !== 'KafkaSink' || !sinks.has(deadLetterSink.ref.name ?? ''))
      say('delivery.deadLetterSink: without a KafkaSink that is there, what is given up is dropped');

    const sink = spec.sink?.ref?.kind === 'Service' ? services.get(spec.sink.ref.name ?? '') : undefined;
    if (sink === undefined) say(`sink: there is no Service ${spec.sink?.ref?.name ?? '(none)'}`);
    const takes = Number(sink?.spec.template === undefined ? Number.NaN : timeoutOf(sink));
    if (sink !== undefined && !(takes < secondsOf(timeout)))
      say(`delivery.timeout ${timeout} is not above timeoutSeconds ${takes} of ${sink.metadata.name}`);

    for (const name of spec.topics) {
      const partitions = topics.get(name)?.spec.partitions;
      if (topics.size > 0 && partitions === undefined) say(`topics: there is no KafkaTopic for ${name}`);
      if ((spec.consumers ?? 1) > (partitions ?? 12))
        say('consumers: more than partitions have nothing to do');
    }
    if (spec.topics.length !== 1) say('topics: expected one');
    if (spec.initialOffset !== 'earliest') say('initialOffset: a new group would skip what is there');
    if (spec.ordering === undefined) say('ordering is missing');
    const other = groups.get(spec.consumerGroup);
    if (spec.consumerGroup === undefined || !spec.consumerGroup.startsWith('kandle-'))
      say('consumerGroup: expected kandle-…, which is what the pipeline may use');
    else if (other !== undefined) say(`consumerGroup ${spec.consumerGroup} is that of ${other}`);
    groups.set(spec.consumerGroup, source.metadata.name);
  }
  for (const sink of sinks.values()) {
    if (topics.size > 0 && !topics.has(sink.spec.topic))
      problems.push(`${idOf(sink)}: topic: there is no KafkaTopic for ${sink.spec.topic}`);
  }
  return problems;
}

function timeoutOf({ spec }: Resource): unknown {
  const pod: unknown = spec.template?.['spec'];
  return typeof pod === 'object' && pod !== null && 'timeoutSeconds' in pod ? pod.timeoutSeconds : undefined;
}

/** Where Kafka is, is said in three places; and whoever must log in, does. */
export function checkKafka(resources: readonly Resource[]): readonly string[] {
  const problems: string[] = [];
  const settings = ofKind(resources, 'ConfigMap').find(
    ({ metadata }) => metadata.name === 'kandle-kafka',
  )?.data;
  const brokers = settings?.['KAFKA_BROKERS'];
  for (const one of [...ofKind(resources, 'KafkaSource'), ...ofKind(resources, 'KafkaSink')]) {
    if (one.spec.bootstrapServers.join(',') !== brokers)
      problems.push(
        `${idOf(one)}: bootstrapServers is not KAFKA_BROKERS of ConfigMap kandle-kafka (${brokers})`,
      );
    const security = one.kind === 'KafkaSource' ? one.spec.net : one.spec.auth;
    const isSecured = settings?.['KAFKA_SASL_MECHANISM'] !== undefined || settings?.['KAFKA_TLS'] === 'true';
    if (isSecured !== (security !== undefined))
      problems.push(
        `${idOf(one)}: the pipeline ${isSecured ? 'logs in' : 'does not log in'}, and this does not match`,
      );
  }
  for (const { spec } of ofKind(resources, 'Kafka')) {
    const port = Number(brokers?.split(':')[1]);
    const listener = spec.kafka?.listeners.find((one) => one.port === port);
    if (listener === undefined) problems.push(`Kafka: it does not listen to port ${port} of KAFKA_BROKERS`);
    else if (listener.tls !== (settings?.['KAFKA_TLS'] === 'true'))
      problems.push('Kafka: its listener and KAFKA_TLS do not match');
    else if ((listener.authentication === undefined) !== (settings?.['KAFKA_SASL_MECHANISM'] === undefined))
      problems.push('Kafka: its listener and KAFKA_SASL_MECHANISM do not match');
  }
  const nodes = ofKind(resources, 'KafkaNodePool').reduce((sum, { spec }) => sum + (spec.replicas ?? 0), 0);
  for (const topic of ofKind(resources, 'KafkaTopic')) {
    const copies = topic.spec.replicas ?? 0;
    if (nodes > 0 && copies > nodes) problems.push(`${idOf(topic)}: ${copies} copies on ${nodes} nodes`);
    const least = Number(topic.spec.config['min.insync.replicas'] ?? 1);
    if (least >= copies && copies > 1)
      problems.push(`${idOf(topic)}: min.insync.replicas ${least} of ${copies}: no node could be away`);
  }
  return problems;
}

const DAY_MS = 86_400_000;
/** Topics whose records may still change a window. */
const MAKES_WINDOWS: ReadonlySet<string | undefined> = new Set([
  'market.raw.v1',
  'market.trades.v1',
  'market.dead.v1',
]);

/** What may still come must find its window: rows outlive records. */
export function checkRetention(resources: readonly Resource[]): readonly string[] {
  const days = variableOf(resources, 'schema', 'WINDOWS_DAYS') ?? 16;
  const expiry = (variableOf(resources, 'aggregate', 'EXPIRY_MS') ?? 14 * DAY_MS) / DAY_MS;
  const problems = ofKind(resources, 'KafkaTopic').flatMap((topic) => {
    if (!MAKES_WINDOWS.has(topic.spec.topicName)) return [];
    const kept = Number(topic.spec.config['retention.ms']) / DAY_MS;
    if (!(kept > 0)) return [`${idOf(topic)}: retention.ms: expected a time`];
    return kept < days ? [] : [`${idOf(topic)}: kept for ${kept} days, and windows for ${days}`];
  });
  if (expiry >= days)
    problems.push(`aggregate takes batches of ${expiry} days, and windows live for ${days}`);
  return problems;
}

function variableOf(resources: readonly Resource[], owner: string, name: string): number | undefined {
  const text = JSON.stringify(
    resources.find(({ metadata, spec }) => metadata.name === owner && spec.template),
  );
  const found = new RegExp(`"name":"${name}","value":"(\\d+)"`).exec(text ?? '');
  return found === null ? undefined : Number(found[1]);
}

const CassandraYaml = z.looseObject({
  commitlog_sync: z.string().default('periodic'),
  commitlog_sync_period: z.string().optional(),
});

/**
 * Cassandra starts: cass-operator lays these settings over Cassandra's own file, which has a `commitlog_sync_period`, and
 * beside another `commitlog_sync` than `periodic` Cassandra refuses any but 0 (tried with 5.0).
 */
export function checkCassandra(resources: readonly Resource[]): readonly string[] {
  return ofKind(resources, 'CassandraDatacenter').flatMap((one) => {
    const settings = CassandraYaml.parse(one.spec.config['cassandra-yaml'] ?? {});
    const { commitlog_sync: sync, commitlog_sync_period: period } = settings;
    return sync === 'periodic' || period === '0ms'
      ? []
      : [`${idOf(one)}: commitlog_sync ${sync}: expected commitlog_sync_period: 0ms beside it`];
  });
}
