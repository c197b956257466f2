import { type AuditOptions, runAudit } from '@kandle/audit/audit';
import type { AuditReport } from '@kandle/audit/report';
import { TOPICS } from '@kandle/market/event/topics';
import { createCassandra } from '@kandle/runtime/cassandra';
import { createKafka } from '@kandle/runtime/kafka';
import { createLogger } from '@kandle/runtime/log';
import type { RunPlan } from '@kandle/knative/plan';
import type { ServerAddresses } from '@kandle/stand-in/pipeline';

/** A pipeline to audit. */
export interface AuditedPipeline {
  readonly servers: ServerAddresses;
  readonly keyspace: string;
  /** As it was started with. */
  readonly prefix: string;
  /** With the names of groups that have the prefix. */
  readonly plan: Pick<RunPlan, 'sources'>;
}

/** What transform and aggregate have by default. */
const HORIZON_MS = 900_000;
const GRACE_MS = 2_000;

/** Audits a pipeline that runs on this machine, as its manifests say which groups read its topics. */
export async function auditPipeline(
  { servers, keyspace, prefix, plan }: AuditedPipeline,
  options: Partial<AuditOptions> = {},
): Promise<AuditReport> {
  const { kafkaBrokers, cassandra } = servers;
  const kafka = createKafka(
    { KAFKA_BROKERS: [...kafkaBrokers], KAFKA_TLS: false },
    'audit',
    createLogger('audit', 'silent'),
  );
  const client = createCassandra({
    CASSANDRA_CONTACT_POINTS: [...cassandra.contactPoints],
    CASSANDRA_PORT: cassandra.port,
    CASSANDRA_LOCAL_DATACENTER: cassandra.localDataCenter,
    CASSANDRA_KEYSPACE: keyspace,
    CASSANDRA_TLS: false,
  });
  try {
    return await runAudit({
      kafka,
      client,
      flow: {
        rawTopic: prefix + TOPICS.raw,
        tradesTopic: prefix + TOPICS.trades,
        candlesTopic: prefix + TOPICS.candles,
        rejectsTopic: prefix + TOPICS.rejects,
        deadTopic: prefix + TOPICS.dead,
        redrivenTopic: prefix + TOPICS.redriven,
        groups: groupsOf(plan),
      },
      horizonMs: HORIZON_MS,
      graceMs: GRACE_MS,
      ...options,
    });
  } finally {
    await client.shutdown();
  }
}

/** The groups that the audit waits for; null where a test delivers a source's events itself. */
function groupsOf({ sources }: Pick<RunPlan, 'sources'>): AuditOptions['flow']['groups'] {
  const groupOf = (name: string): string | undefined =>
    sources.find((source) => source.name === name)?.consumerGroup;
  const transform = groupOf('transform');
  const aggregate = groupOf('aggregate');
  const persistTrades = groupOf('persist-trades');
  const persistCandles = groupOf('persist-candles');
  if (
    transform === undefined ||
    aggregate === undefined ||
    persistTrades === undefined ||
    persistCandles === undefined
  )
    return null;
  return { transform, aggregate, persistTrades, persistCandles };
}
