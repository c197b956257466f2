import { configMapsOf, readEnvironment } from '../src/environment.ts';
import type { Manifests } from '../src/manifests.ts';
import { workloadsOf } from '../src/workloads.ts';
import { z } from 'zod';

/** Where Kafka is, is said in three places; and whoever must log in, does. */
export function checkKafka(manifests: Manifests): readonly string[] {
  const problems: string[] = [];
  const settings = configMapsOf(manifests).get('kandle-kafka');
  const brokers = settings?.['KAFKA_BROKERS'];
  const hasTls = settings?.['KAFKA_TLS'] === 'true';
  const hasLogin = settings?.['KAFKA_SASL_MECHANISM'] !== undefined;
  const clients = [
    ...manifests.KafkaSource.map(({ at, resource: { spec } }) => ({ at, spec, security: spec.net })),
    ...manifests.KafkaSink.map(({ at, resource: { spec } }) => ({ at, spec, security: spec.auth })),
  ];
  for (const { at, spec, security } of clients) {
    if (spec.bootstrapServers.join(',') !== brokers)
      problems.push(`${at}: bootstrapServers is not KAFKA_BROKERS of ConfigMap kandle-kafka (${brokers})`);
    const isSecured = hasLogin || hasTls;
    if (isSecured !== (security !== undefined))
      problems.push(
        `${at}: the pipeline ${isSecured ? 'logs in' : 'does not log in'}, and this does not match`,
      );
  }
  for (const { resource } of manifests.Kafka) {
    const port = Number(brokers?.split(':')[1]);
    const listener = resource.spec.kafka.listeners.find((one) => one.port === port);
    if (listener === undefined) problems.push(`Kafka: it does not listen to port ${port} of KAFKA_BROKERS`);
    else if (listener.tls !== hasTls) problems.push('Kafka: its listener and KAFKA_TLS do not match');
    else if ((listener.authentication !== undefined) !== hasLogin)
      problems.push('Kafka: its listener and KAFKA_SASL_MECHANISM do not match');
  }
  return problems;
}

/** No topic wants more copies than there are nodes, and one node may be away. */
export function checkCopies({ KafkaNodePool, KafkaTopic }: Manifests): readonly string[] {
  const nodes = KafkaNodePool.reduce((sum, { resource }) => sum + resource.spec.replicas, 0);
  return KafkaTopic.flatMap(({ at, resource: { spec } }) => {
    const least = Number(spec.config['min.insync.replicas'] ?? 1);
    return [
      ...(nodes > 0 && spec.replicas > nodes ? [`${at}: ${spec.replicas} copies on ${nodes} nodes`] : []),
      ...(least >= spec.replicas && spec.replicas > 1
        ? [`${at}: min.insync.replicas ${least} of ${spec.replicas}: no node could be away`]
        : []),
    ];
  });
}

const DAY_MS = 86_400_000;
/** Topics whose records may still change a window. */
const MAKES_WINDOWS: ReadonlySet<string> = new Set(['market.raw.v1', 'market.trades.v1', 'market.dead.v1']);

/** What may still come must find its window: rows outlive records. */
export function checkRetention(manifests: Manifests): readonly string[] {
  const days = variableOf(manifests, 'schema', 'WINDOWS_DAYS') ?? 16;
  const expiry = (variableOf(manifests, 'aggregate', 'EXPIRY_MS') ?? 14 * DAY_MS) / DAY_MS;
  const problems = manifests.KafkaTopic.flatMap(({ at, resource: { spec } }) => {
    if (!MAKES_WINDOWS.has(spec.topicName)) return [];
    const kept = Number(spec.config['retention.ms']) / DAY_MS;
    if (!(kept > 0)) return [`${at}: retention.ms: expected a time`];
    return kept < days ? [] : [`${at}: kept for ${kept} days, and windows for ${days}`];
  });
  if (expiry >= days)
    problems.push(`aggregate takes batches of ${expiry} days, and windows live for ${days}`);
  return problems;
}

function variableOf(manifests: Manifests, part: string, name: string): number | undefined {
  const workload = workloadsOf(manifests).find(({ container }) => container.name === part);
  if (workload === undefined) return undefined;
  const value = readEnvironment(workload, configMapsOf(manifests), new Map()).values.get(name);
  return value === undefined || value === null ? undefined : Number(value);
}

const CassandraYamlSchema = z.looseObject({
  commitlog_sync: z.string().default('periodic'),
  commitlog_sync_period: z.string().optional(),
});

/**
 * Cassandra starts: cass-operator lays these settings over Cassandra's own file, which has a
 * `commitlog_sync_period`, and beside another `commitlog_sync` than `periodic` Cassandra refuses any but 0
 * (tried with 5.0).
 */
export function checkCassandra({ CassandraDatacenter }: Manifests): readonly string[] {
  return CassandraDatacenter.flatMap(({ at, resource }) => {
    const settings = CassandraYamlSchema.parse(resource.spec.config['cassandra-yaml'] ?? {});
    const { commitlog_sync: sync, commitlog_sync_period: period } = settings;
    return sync === 'periodic' || period === '0ms'
      ? []
      : [`${at}: commitlog_sync ${sync}: expected commitlog_sync_period: 0ms beside it`];
  });
}
