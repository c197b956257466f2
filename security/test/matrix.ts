import { TOPICS } from '@kandle/market/event/topics';
import { PROMOTED_VIEWS } from '@kandle/market/view/promotions';
import { createCassandra } from '@kandle/runtime/cassandra';
import { applyGrants } from '@kandle/runtime/grants';
import { createAclsV3, deleteAclsV3 } from '@platformatic/kafka';
import { expect, test } from 'vitest';
import { applyAcls } from '../src/apply-kafka.ts';
import { connectBroker } from '../src/kafka-connection.ts';
import { CASSANDRA_COMPONENTS, KAFKA_COMPONENTS, kafkaUserOf, roleOf } from '../src/names.ts';
import { COMPONENTS, TABLES, type Topic } from '../src/rights.ts';
import { shadowGrants } from '../src/grants.ts';
import { keysOf, passes, verbsOn } from './cassandra-verbs.ts';
import { alterAcls, GROUP_VERBS, TOPIC_VERBS } from './kafka-verbs.ts';
import type { SecuredServers } from './secured-servers.ts';

const TOPIC_NAMES = Object.entries(TOPICS) as [Topic, string][];
/** A group of each name or prefix that anybody has, and one of somebody else. */
const GROUPS = [
  ...new Set(COMPONENTS.flatMap(({ kafka }) => Object.keys(kafka?.groups ?? {}))),
  'somebody-elses',
].map((name) => name.replace('*', 'one'));

/** What the rights say, written as what is tried: Kafka takes Read, Write and Delete to include Describe. */
function wantedOfKafka(): readonly string[] {
  return COMPONENTS.flatMap(({ name, kafka }) => {
    if (kafka === undefined) return [];
    const { read = [], write = [], describe = [], groups = {} } = kafka;
    const topics = TOPIC_NAMES.flatMap(([topic, full]) => [
      ...(read.includes(topic) ? [`${name} Read ${full}`] : []),
      ...(write.includes(topic) ? [`${name} Write ${full}`] : []),
      ...([...read, ...write, ...describe].includes(topic) ? [`${name} Describe ${full}`] : []),
    ]);
    const ofGroups = GROUPS.flatMap((group) => {
      const verbs = Object.entries(groups).flatMap(([pattern, list]) =>
        pattern === group || (pattern.endsWith('*') && group.startsWith(pattern.slice(0, -1))) ? list : [],
      );
      return [
        ...(verbs.includes('read') ? [`${name} Read ${group}`] : []),
        ...(verbs.length > 0 ? [`${name} Describe ${group}`] : []),
        ...(verbs.includes('delete') ? [`${name} Delete ${group}`] : []),
      ];
    });
    return [...topics, ...ofGroups];
  }).toSorted();
}

/** What the broker lets each user do. */
async function foundInKafka(
  servers: SecuredServers,
  components: readonly string[] = KAFKA_COMPONENTS,
): Promise<readonly string[]> {
  const found = await Promise.all(
    components.map(async (component) => {
      const connection = await connectBroker(servers.kafka(component));
      const passed: string[] = [];
      try {
        for (const [verb, attempt] of Object.entries(TOPIC_VERBS))
          for (const [, topic] of TOPIC_NAMES)
            if (await attempt(connection, topic)) passed.push(`${component} ${verb} ${topic}`);
        for (const [verb, attempt] of Object.entries(GROUP_VERBS))
          for (const group of GROUPS)
            if (await attempt(connection, group)) passed.push(`${component} ${verb} ${group}`);
        if (await alterAcls(connection, kafkaUserOf(component))) passed.push(`${component} Alter acls`);
      } finally {
        await connection.close();
      }
      return passed;
    }),
  );
  return found.flat().toSorted();
}

function wantedOfCassandra(): readonly string[] {
  return COMPONENTS.flatMap(({ name, cassandra: { select = [], modify = [] } = {} }) => [
    ...select.map((table) => `${name} SELECT ${table}`),
    ...modify.map((table) => `${name} MODIFY ${table}`),
  ]).toSorted();
}

/** What Cassandra lets each role do, in the keyspace and beside it. */
async function foundInCassandra(
  servers: SecuredServers,
  components: readonly string[] = CASSANDRA_COMPONENTS,
): Promise<readonly string[]> {
  const { keyspace } = servers;
  const keys = await keysOf(servers.cassandraAdmin, keyspace);
  const found = await Promise.all(
    components.map(async (component) => {
      const client = createCassandra(servers.cassandra(component), { useKeyspace: false });
      const passed: string[] = [];
      try {
        await client.connect();
        for (const [table, key] of keys)
          for (const verb of await verbsOn(client, keyspace, table, key))
            passed.push(`${component} ${verb} ${table}`);
        const beside = {
          'CREATE TABLE': `CREATE TABLE ${keyspace}.more (k int PRIMARY KEY)`,
          'CREATE KEYSPACE': `CREATE KEYSPACE of_${roleOf(component)} WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}`,
          'CREATE ROLE': `CREATE ROLE of_${roleOf(component)}`,
          'SELECT passwords': 'SELECT * FROM system_auth.roles',
          'ALTER ROLE': "ALTER ROLE kandle_admin WITH PASSWORD = 'x'",
        };
        for (const [verb, statement] of Object.entries(beside))
          if (await passes(client, statement)) passed.push(`${component} ${verb}`);
      } finally {
        await client.shutdown();
      }
      return passed;
    }),
  );
  return found.flat().toSorted();
}

/** Tries every verb, as everybody. */
export function testMatrix(secured: () => SecuredServers): void {
  test('the broker lets every user do what its rights say, and refuses everything else', async () => {
    expect(await foundInKafka(secured())).toEqual(wantedOfKafka());
  });

  test('Cassandra lets every role do what its rights say, and refuses everything else', async () => {
    expect([...(await keysOf(secured().cassandraAdmin, secured().keyspace)).keys()].toSorted()).toEqual(
      TABLES.toSorted(),
    );
    expect(await foundInCassandra(secured())).toEqual(wantedOfCassandra());
  });

  test("a shadow's views can be read by who follows promotions, once it was promoted, and nothing else of it by anybody", async () => {
    const { cassandraAdmin } = secured();
    const shadow = 'kandle_s_rights';
    await cassandraAdmin.execute(
      `CREATE KEYSPACE ${shadow} WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}`,
    );
    const tables = [...PROMOTED_VIEWS, 'windows'];
    for (const table of tables)
      await cassandraAdmin.execute(`CREATE TABLE ${shadow}.${table} (k int PRIMARY KEY)`);
    const readable = async (): Promise<readonly string[]> => {
      const found = await Promise.all(
        CASSANDRA_COMPONENTS.map(async (component) => {
          const client = createCassandra(secured().cassandra(component), { useKeyspace: false });
          try {
            await client.connect();
            const passed = [];
            for (const table of tables)
              for (const verb of await verbsOn(client, shadow, table, ['k']))
                passed.push(`${component} ${verb} ${table}`);
            return passed;
          } finally {
            await client.shutdown();
          }
        }),
      );
      return found.flat().toSorted();
    };
    expect(await readable()).toEqual([]);
    for (const grant of shadowGrants(shadow)) await cassandraAdmin.execute(grant);
    const readers = ['console', 'grafana', 'query'];
    expect(await readable()).toEqual(
      readers.flatMap((reader) => PROMOTED_VIEWS.map((view) => `${reader} SELECT ${view}`)).toSorted(),
    );
    await cassandraAdmin.execute(`DROP KEYSPACE ${shadow}`);
  });

  test('nobody is let in without a login, with a wrong password, or as what a new Cassandra comes with', async () => {
    const anonymous = { ...secured().kafka('ingest') };
    delete anonymous.KAFKA_SASL_MECHANISM;
    const topic = TOPICS.raw;
    const attempt = connectBroker(anonymous).then((connection) => TOPIC_VERBS['Read']?.(connection, topic));
    await expect(attempt).rejects.toThrow();
    const wrong = { ...secured().kafka('ingest'), KAFKA_SASL_PASSWORD_FILE: secured().grantsFile };
    await expect(connectBroker(wrong)).rejects.toThrow();
    for (const login of [
      { name: 'cassandra', password: 'cassandra' },
      { name: 'kandle_persist', password: 'kandle_persist' },
    ]) {
      const client = createCassandra(secured().cassandra('persist'), { login });
      await expect(client.connect()).rejects.toThrow();
      await client.shutdown();
    }
  });

  test('a right too many and a right too few are both found by name, and mended when the rights are applied again', async () => {
    const { kafkaAdmin, cassandraAdmin, grantsFile, keyspace } = secured();
    const acl = (operation: 3 | 4, resourceName: string) => ({
      principal: 'User:kandle-ingest',
      host: '*',
      operation,
      permissionType: 3 as const,
      resourceType: 2 as const,
      resourceName,
      resourcePatternType: 3 as const,
    });
    await createAclsV3.api.async(kafkaAdmin, [acl(3, TOPICS.candles)]);
    await deleteAclsV3.api.async(kafkaAdmin, [acl(4, TOPICS.rejects)]);
    await cassandraAdmin.execute(`GRANT MODIFY ON TABLE ${keyspace}.windows TO kandle_persist`);
    await cassandraAdmin.execute(`GRANT SELECT ON ALL KEYSPACES TO kandle_persist`);
    await cassandraAdmin.execute(`REVOKE MODIFY ON TABLE ${keyspace}.trades FROM kandle_persist`);
    const kafkaOf = (): Promise<readonly string[]> => foundInKafka(secured(), ['ingest']);
    const wanted = wantedOfKafka().filter((line) => line.startsWith('ingest '));
    expect(differences(await kafkaOf(), wanted)).toEqual([
      '+ ingest Describe market.candles.v1',
      '+ ingest Read market.candles.v1',
      '- ingest Describe market.rejects.v1',
      '- ingest Write market.rejects.v1',
    ]);
    const roles = wantedOfCassandra().filter((line) => line.startsWith('persist '));
    const found = differences(await foundInCassandra(secured(), ['persist']), roles);
    expect(found).toContain('+ persist MODIFY windows');
    expect(found).toContain('+ persist SELECT notifications');
    expect(found).toContain('- persist MODIFY trades');

    expect(await applyAcls(kafkaAdmin)).toEqual({
      made: ['User:kandle-ingest ALLOW WRITE TOPIC LITERAL market.rejects.v1 from *'],
      removed: ['User:kandle-ingest ALLOW READ TOPIC LITERAL market.candles.v1 from *'],
    });
    const { granted, revoked } = await applyGrants(cassandraAdmin, grantsFile, keyspace);
    expect(granted).toEqual([`MODIFY ON TABLE ${keyspace}.trades TO kandle_persist`]);
    expect(revoked.toSorted()).toEqual([
      'MODIFY ON TABLE kandle.windows FROM kandle_persist',
      'SELECT ON ALL KEYSPACES FROM kandle_persist',
    ]);
    expect(await kafkaOf()).toEqual(wanted);
    expect(await foundInCassandra(secured(), ['persist'])).toEqual(roles);
  });
}

function differences(found: readonly string[], wanted: readonly string[]): readonly string[] {
  const [is, shall] = [new Set(found), new Set(wanted)];
  return [
    ...[...is.difference(shall)].map((line) => `+ ${line}`),
    ...[...shall.difference(is)].map((line) => `- ${line}`),
  ];
}
