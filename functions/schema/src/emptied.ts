import { FatalError } from '@kandle/runtime/errors';
import type { Client } from 'cassandra-driver';
import type { Admin } from 'kafkajs';

/** Filled by the schema program itself: its own ledger, and what a step of cql/ writes. */
const OWN_TABLES: ReadonlySet<string> = new Set(['schema_steps', 'candle_intervals', 'promotions']);

/** True if no table of a keyspace has a row of the pipeline's, or there is no such keyspace. */
export async function isEmpty(client: Client, keyspace: string): Promise<boolean> {
  const { rows } = await client.execute(
    'SELECT table_name FROM system_schema.tables WHERE keyspace_name = ?',
    [keyspace],
    { prepare: true },
  );
  for (const row of rows) {
    const table = String(row['table_name']);
    if (OWN_TABLES.has(table)) continue;
    // Names from Cassandra's own tables, not from a person.
    const found = await client.execute(`SELECT * FROM ${keyspace}.${table} LIMIT 1`, [], { prepare: false });
    if (found.rowLength > 0) return false;
  }
  return true;
}

/** The consumer group that everything in Cassandra comes from, and its topic. */
export interface First {
  readonly group: string;
  readonly topic: string;
}

/**
 * How many events that Kafka still holds a group has read already; what it made of them is in Cassandra, or
 * nowhere.
 */
export async function eventsReadOn(admin: Admin, { group, topic }: First): Promise<number> {
  if (!(await admin.listTopics()).includes(topic)) return 0;
  const [bounds, [committed]] = await Promise.all([
    admin.fetchTopicOffsets(topic),
    admin.fetchOffsets({ groupId: group, topics: [topic] }),
  ]);
  const offsets = new Map(committed?.partitions.map(({ partition, offset }) => [partition, Number(offset)]));
  return bounds.reduce(
    (sum, { partition, low }) => sum + Math.max(0, (offsets.get(partition) ?? -1) - Number(low)),
    0,
  );
}

/** The error of a keyspace that was emptied while Kafka remembers that everything was read. */
export function emptied(keyspace: string, { group, topic }: First, events: number): FatalError {
  return new FatalError(
    `Cannot apply the schema: the keyspace ${keyspace} is empty, but ${group} has read ${events} events of ${topic} that ` +
      'Kafka still holds. They would never be written again. Read them again: knative/deploy.sh --restore. ' +
      'Or begin without them: knative/deploy.sh --accept-empty (docs/runbook/emptied-keyspace.md)',
  );
}
