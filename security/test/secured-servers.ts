import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readPlan } from '@kandle/knative/read-plan';
import { type CassandraSettings, createCassandra } from '@kandle/runtime/cassandra';
import { applyGrants } from '@kandle/runtime/grants';
import { createKafka, type KafkaSettings } from '@kandle/runtime/kafka';
import { createLogger } from '@kandle/runtime/log';
import { laptopSchemaValues, migrate } from '@kandle/runtime/migrate';
import { startCassandra } from '@kandle/servers/cassandra/cassandra-server';
import { fetchJars } from '@kandle/servers/jars/jars';
import { createTopics } from '@kandle/servers/kafka/create-topics';
import { startKafka } from '@kandle/servers/kafka/kafka-server';
import { choosePorts, freePort } from '@kandle/servers/ports/ports';
import { opaqueWire } from '@kandle/testkit/proxy/opaque-wire';
import { startProxy } from '@kandle/testkit/proxy/tcp-proxy';
import { JARS_FOLDER, REPO_ROOT } from '@kandle/tooling/paths';
import type { ServerAddresses } from '@kandle/stand-in/pipeline';
import type { Connection } from '@platformatic/kafka';
import type { Client } from 'cassandra-driver';
import { afterAll, beforeAll } from 'vitest';
import { applyRoles, replaceDefaultSuperuser } from '../src/apply-cassandra.ts';
import { applyAcls, applyUsers } from '../src/apply-kafka.ts';
import { connectBroker } from '../src/kafka-connection.ts';
import { CASSANDRA_COMPONENTS, cassandraSecretOf, KAFKA_COMPONENTS, kafkaSecretOf } from '../src/names.ts';
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
  /** The same as a pipeline takes it. */
  readonly addresses: ServerAddresses;
  /** Gives every component new passwords, at the servers and in its files. */
  changeEveryPassword(): Promise<void>;
  /** Breaks every connection that logged in. */
  cut(): void;
  stop(): Promise<void>;
}

/** The login of a component, as the environment of its process says it. */
export function envOf({ kafka, cassandra }: SecuredServers, component: string): Record<string, string> {
  const settings = { ...kafka(component), ...cassandra(component) };
  return Object.fromEntries(Object.entries(settings).map(([name, value]) => [name, String(value)]));
}

const HOST = '127.0.0.1';
/** Kafka's administrator has a listener of its own, and no login. */
const ADMIN = 'admin';
const KEYSPACE = 'kandle';

/** Starts both before the tests of a file, and ends them after. */
export function useSecuredServers(): () => SecuredServers {
  const ending = new AbortController();
  let servers: SecuredServers | null = null;
  beforeAll(async () => {
    servers = await startSecuredServers(ending.signal);
  });
  afterAll(async () => {
    ending.abort();
    await servers?.stop();
  });
  return () => {
    if (servers === null) throw new Error('The servers have not started yet');
    return servers;
  };
}

/** Starts both side by side, and gives every component its login and its rights. */
async function startSecuredServers(signal: AbortSignal): Promise<SecuredServers> {
  const folder = mkdtempSync(join(tmpdir(), 'kandle-secured-'));
  const secrets = join(folder, 'secrets');
  await makeSecrets(secrets, [HOST, 'localhost']);
  const [ports, loginPort, jars] = await Promise.all([
    choosePorts(undefined, { random: true }),
    freePort(),
    fetchJars({ cacheDir: JARS_FOLDER, onProgress: () => undefined, signal }),
  ]);
  const proxies = await Promise.all([
    startProxy(loginPort, opaqueWire),
    startProxy(ports.cassandra, opaqueWire),
  ]);
  const [kafkaProxy, cassandraProxy] = proxies;
  const keystore = join(folder, 'servers.pem');
  const [key, certificate] = ['tls.key', 'tls.crt'].map((file) =>
    readFileSync(join(secrets, 'servers', file), 'utf8'),
  );
  writeFileSync(keystore, `${key}${certificate}`);

  const cassandra = (component: string): CassandraSettings => ({
    CASSANDRA_CONTACT_POINTS: [HOST],
    CASSANDRA_PORT: cassandraProxy.port,
    CASSANDRA_LOCAL_DATACENTER: 'datacenter1',
    CASSANDRA_KEYSPACE: KEYSPACE,
    CASSANDRA_TLS: true,
    CASSANDRA_TLS_CA_FILE: join(secrets, cassandraSecretOf(component), 'ca.crt'),
    CASSANDRA_USERNAME_FILE: join(secrets, cassandraSecretOf(component), 'username'),
    CASSANDRA_PASSWORD_FILE: join(secrets, cassandraSecretOf(component), 'password'),
  });
  const kafka = (component: string): KafkaSettings =>
    component === ADMIN
      ? { KAFKA_BROKERS: [`${HOST}:${ports.kafka}`], KAFKA_TLS: false }
      : {
          KAFKA_BROKERS: [`${HOST}:${kafkaProxy.port}`],
          KAFKA_TLS: true,
          KAFKA_TLS_CA_FILE: join(secrets, kafkaSecretOf(component), 'ca.crt'),
          KAFKA_SASL_MECHANISM: 'scram-sha-512',
          KAFKA_SASL_USERNAME_FILE: join(secrets, kafkaSecretOf(component), 'user'),
          KAFKA_SASL_PASSWORD_FILE: join(secrets, kafkaSecretOf(component), 'password'),
        };
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
        'advertised.listeners': `BROKER://${HOST}:${ports.kafka},LOGIN://${HOST}:${kafkaProxy.port}`,
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
      isThrownAway: true,
      isReady: () => answers(cassandra(ADMIN)),
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
    await Promise.all([...servers.map((server) => server.kill()), ...proxies.map((proxy) => proxy.close())]);
    rmSync(folder, { recursive: true, force: true });
  };
  const cassandraAdmin = createCassandra(cassandra(ADMIN), { useKeyspace: false });
  const kafkaAdmin = await connectBroker(kafka(ADMIN));
  const grantsFile = join(REPO_ROOT, 'cql/grants.cql');
  await Promise.all([
    (async () => {
      await applyUsers(kafkaAdmin, readKafkaLogins(secrets));
      await applyAcls(kafkaAdmin);
      const admin = createKafka(kafka(ADMIN), 'test', createLogger('test', 'silent')).admin();
      await admin.connect();
      await createTopics(admin, (await readPlan()).topics);
      await admin.disconnect();
    })(),
    (async () => {
      await replaceDefaultSuperuser(cassandra(ADMIN), readCassandraAdmin(secrets));
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
    addresses: {
      kafkaBrokers: kafka(ADMIN).KAFKA_BROKERS,
      cassandra: { contactPoints: [HOST], port: cassandraProxy.port, localDataCenter: 'datacenter1' },
      logins: { kafka, cassandra },
    },
    async changeEveryPassword() {
      for (const secret of [
        ...KAFKA_COMPONENTS.map(kafkaSecretOf),
        ...CASSANDRA_COMPONENTS.map(cassandraSecretOf),
      ]) {
        const file = join(secrets, secret, 'password');
        // In one step, as a mounted Secret changes; and with what a statement has to quote.
        writeFileSync(`${file}.new`, `another'of ${secret}\n`);
        renameSync(`${file}.new`, file);
      }
      await Promise.all([
        applyUsers(kafkaAdmin, readKafkaLogins(secrets)),
        applyRoles(cassandraAdmin, readCassandraLogins(secrets)),
      ]);
    },
    cut() {
      for (const proxy of proxies) proxy.cut();
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
