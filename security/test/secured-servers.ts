import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TOPICS } from '@kandle/market/event/topics';
import { type CassandraSettings, createCassandra } from '@kandle/runtime/cassandra';
import { applyGrants } from '@kandle/runtime/grants';
import type { KafkaSettings } from '@kandle/runtime/kafka';
import { laptopSchemaValues, migrate } from '@kandle/runtime/migrate';
import { startCassandra } from '@kandle/servers/cassandra/cassandra-server';
import { fetchJars } from '@kandle/servers/jars/jars';
import { startKafka } from '@kandle/servers/kafka/kafka-server';
import { choosePorts, freePort } from '@kandle/servers/ports/ports';
import { JARS_FOLDER, REPO_ROOT } from '@kandle/tooling/paths';
import { type Connection, createTopicsV7 } from '@platformatic/kafka';
import type { Client } from 'cassandra-driver';
import { applyRoles, replaceDefaultSuperuser } from '../src/apply-cassandra.ts';
import { applyAcls, applyUsers } from '../src/apply-kafka.ts';
import { connectBroker } from '../src/kafka-connection.ts';
import { startRelay } from './relay.ts';
import { cassandraSecretOf, kafkaSecretOf } from '../src/names.ts';
import { makeSecrets, readCassandraAdmin, readCassandraLogins, readKafkaLogins } from '../src/secrets.ts';

/**
 * A Kafka with TLS, SCRAM and ACLs, and a Cassandra with TLS, passwords and roles, set up as a person would.
 */
export interface SecuredServers {
  /** The folder of logins, as `npm run rights -- --secrets` makes it. */
  readonly secrets: string;
  readonly keyspace: string;
  /** How a component logs in. */
  kafka(component: string): KafkaSettings;
  cassandra(component: string): CassandraSettings;
  /** Kafka's administrator: a listener of its own, on this machine only. */
  readonly kafkaAdmin: Connection;
  /** Cassandra's administrator, without a keyspace: the schema job. */
  readonly cassandraAdmin: Client;
  readonly grantsFile: string;
  /** Breaks every connection that logged in. */
  cut(): void;
  stop(): Promise<void>;
}

const HOST = '127.0.0.1';
const PARTITIONS = 4;
const KEYSPACE = 'kandle';

/** Starts both side by side, and gives every component its login and its rights. */
export async function startSecuredServers(signal: AbortSignal): Promise<SecuredServers> {
  const folder = mkdtempSync(join(tmpdir(), 'kandle-secured-'));
  const secrets = join(folder, 'secrets');
  await makeSecrets(secrets, [HOST, 'localhost']);
  const [ports, loginPort, jars] = await Promise.all([
    choosePorts(undefined, { random: true }),
    freePort(),
    fetchJars({ cacheDir: JARS_FOLDER, onProgress: () => undefined, signal }),
  ]);
  const relays = await Promise.all([startRelay(loginPort), startRelay(ports.cassandra)]);
  const [kafkaRelay, cassandraRelay] = relays;
  const keystore = join(folder, 'servers.pem');
  const [key, certificate] = ['tls.key', 'tls.crt'].map((file) =>
    readFileSync(join(secrets, 'servers', file), 'utf8'),
  );
  writeFileSync(keystore, `${key}${certificate}`);

  const cassandra = (component: string): CassandraSettings => ({
    CASSANDRA_CONTACT_POINTS: [HOST],
    CASSANDRA_PORT: cassandraRelay.port,
    CASSANDRA_LOCAL_DATACENTER: 'datacenter1',
    CASSANDRA_KEYSPACE: KEYSPACE,
    CASSANDRA_TLS: true,
    CASSANDRA_TLS_CA_FILE: join(secrets, cassandraSecretOf(component), 'ca.crt'),
    CASSANDRA_USERNAME_FILE: join(secrets, cassandraSecretOf(component), 'username'),
    CASSANDRA_PASSWORD_FILE: join(secrets, cassandraSecretOf(component), 'password'),
  });
  const kafka = (component: string): KafkaSettings => ({
    KAFKA_BROKERS: [`${HOST}:${kafkaRelay.port}`],
    KAFKA_TLS: true,
    KAFKA_TLS_CA_FILE: join(secrets, kafkaSecretOf(component), 'ca.crt'),
    KAFKA_SASL_MECHANISM: 'scram-sha-512',
    KAFKA_SASL_USERNAME_FILE: join(secrets, kafkaSecretOf(component), 'user'),
    KAFKA_SASL_PASSWORD_FILE: join(secrets, kafkaSecretOf(component), 'password'),
  });
  const servers = await Promise.all([
    startKafka({
      libDir: jars.kafka,
      dataDir: join(folder, 'kafka'),
      ports,
      heapMb: 256,
      onProgress: () => undefined,
      signal,
      properties: {
        listeners: `BROKER://${HOST}:${ports.kafka},LOGIN://${HOST}:${loginPort},CONTROLLER://${HOST}:${ports.kafkaController}`,
        'advertised.listeners': `BROKER://${HOST}:${ports.kafka},LOGIN://${HOST}:${kafkaRelay.port}`,
        'listener.security.protocol.map': 'BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT,LOGIN:SASL_SSL',
        'listener.name.login.sasl.enabled.mechanisms': 'SCRAM-SHA-512',
        'listener.name.login.scram-sha-512.sasl.jaas.config':
          'org.apache.kafka.common.security.scram.ScramLoginModule required;',
        'listener.name.login.ssl.keystore.type': 'PEM',
        'listener.name.login.ssl.keystore.location': keystore,
        'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
        'super.users': 'User:ANONYMOUS',
      },
    }),
    startCassandra({
      libDir: jars.cassandra,
      dataDir: join(folder, 'cassandra'),
      ports,
      heapMb: 512,
      onProgress: () => undefined,
      signal,
      isReady: () => answers(cassandra('admin')),
      yaml: {
        authenticator: 'PasswordAuthenticator',
        authorizer: 'CassandraAuthorizer',
        role_manager: 'CassandraRoleManager',
        // What was decided is not remembered: a right or password that was changed counts at once.
        permissions_validity: '0ms',
        roles_validity: '0ms',
        credentials_validity: '0ms',
        client_encryption_options: {
          enabled: true,
          optional: false,
          require_client_auth: false,
          keystore,
          ssl_context_factory: {
            class_name: 'org.apache.cassandra.security.PEMBasedSslContextFactory',
          },
        },
      },
    }),
  ]);
  const stop = async (): Promise<void> => {
    await Promise.all([kafkaAdmin.close(), cassandraAdmin.shutdown()]);
    await Promise.all([...servers.map((server) => server.kill()), ...relays.map((relay) => relay.close())]);
    rmSync(folder, { recursive: true, force: true });
  };
  const cassandraAdmin = createCassandra(cassandra('admin'), { useKeyspace: false });
  const kafkaAdmin = await connectBroker({ KAFKA_BROKERS: [`${HOST}:${ports.kafka}`], KAFKA_TLS: false });
  const grantsFile = join(REPO_ROOT, 'cql/grants.cql');
  await Promise.all([
    (async () => {
      await applyUsers(kafkaAdmin, readKafkaLogins(secrets));
      await applyAcls(kafkaAdmin);
      const topics = Object.values(TOPICS).map((name) => ({
        name,
        numPartitions: PARTITIONS,
        replicationFactor: 1,
        assignments: [],
        configs: [],
      }));
      await createTopicsV7.api.async(kafkaAdmin, topics, 10_000, false);
    })(),
    (async () => {
      await replaceDefaultSuperuser(cassandra('admin'), readCassandraAdmin(secrets));
      await cassandraAdmin.connect();
      await applyRoles(cassandraAdmin, readCassandraLogins(secrets));
      await migrate(cassandraAdmin, join(REPO_ROOT, 'cql'), laptopSchemaValues(KEYSPACE));
      await applyGrants(cassandraAdmin, grantsFile, KEYSPACE);
    })(),
  ]);
  return {
    secrets,
    keyspace: KEYSPACE,
    kafka,
    cassandra,
    kafkaAdmin,
    cassandraAdmin,
    grantsFile,
    cut() {
      for (const relay of relays) relay.cut();
    },
    stop,
  };
}

/** Whether a new Cassandra takes the login that it comes with. */
async function answers(settings: CassandraSettings): Promise<boolean> {
  const client = createCassandra(settings, {
    useKeyspace: false,
    login: { name: 'cassandra', password: 'cassandra' },
  });
  try {
    await client.connect();
    return true;
  } catch {
    return false;
  } finally {
    await client.shutdown().catch(() => undefined);
  }
}
