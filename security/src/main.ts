import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { CassandraEnv, createCassandra } from '@kandle/runtime/cassandra';
import { readEnv } from '@kandle/runtime/config';
import { describeError } from '@kandle/runtime/errors';
import { applyGrants } from '@kandle/runtime/grants';
import { KafkaEnv } from '@kandle/runtime/kafka';
import {
  defineCommand,
  flag,
  helpText,
  option,
  readCommand,
  text,
  UsageError,
} from '@kandle/tooling/command';
import { REPO_ROOT } from '@kandle/tooling/paths';
import { applyRoles, replaceDefaultSuperuser } from './apply-cassandra.ts';
import { applyAcls, applyUsers } from './apply-kafka.ts';
import { madeFiles } from './files.ts';
import { connectBroker } from './kafka-connection.ts';
import { makeSecrets, readCassandraAdmin, readCassandraLogins, readKafkaLogins } from './secrets.ts';
import { rightsTable } from './table.ts';

const COMMAND = defineCommand({
  name: 'npm run rights',
  about: `Who may do what in Kafka and Cassandra (security/src/rights.ts), and what is made from it. Without an option it prints
the table. What is done may be done again: it changes what differs, and takes rights away that are not written down.`,
  options: {
    build: flag(
      'write the files that are made from the rights: KafkaUsers, grants, the table in docs/security.md',
    ),
    secrets: option(
      'DIR',
      'the folder of the logins: one folder each (kafka-ingest, cassandra-persist, …), as a cluster mounts them. Those that are not there yet are made',
      text,
    ),
    hosts: option(
      'NAMES',
      "with --secrets: also an authority and a certificate for the servers' names and addresses, separated by commas",
      text,
    ),
    kafka: flag('make the users and their ACLs in the Kafka of KAFKA_BROKERS, as its administrator'),
    cassandra: flag(
      'make the roles in the Cassandra of CASSANDRA_CONTACT_POINTS, as its administrator, and their grants, once the tables are there',
    ),
    'first-admin': flag(
      'with --cassandra: make that administrator first, with the password of cassandra-admin, and close the role cassandra that a new Cassandra comes with',
    ),
  },
  notes: `Connections: KAFKA_… and CASSANDRA_… as for every function (packages/runtime/src/kafka.ts and cassandra.ts), with the
administrator's login: KAFKA_SASL_USERNAME_FILE and KAFKA_SASL_PASSWORD_FILE, CASSANDRA_USERNAME_FILE and CASSANDRA_PASSWORD_FILE.`,
});

async function main(args: readonly string[]): Promise<void> {
  const wishes = readCommand(COMMAND, args);
  if (wishes === null) return print(helpText(COMMAND));
  const { secrets, hosts } = wishes;
  const applies = wishes.kafka || wishes.cassandra;
  if (hosts !== null && secrets === null) throw new UsageError('--hosts wants --secrets');
  if (applies && secrets === null) throw new UsageError('--kafka and --cassandra want --secrets');
  if (!wishes.build && secrets === null) return print(rightsTable());
  if (wishes.build) build();
  if (secrets === null) return;
  const folder = resolve(secrets);
  const names = (hosts ?? '').split(',').filter((name) => name !== '');
  for (const file of await makeSecrets(folder, names)) print(`made ${file}`);
  if (wishes.kafka) await applyToKafka(folder);
  if (wishes.cassandra) await applyToCassandra(folder, wishes['first-admin']);
}

function build(): void {
  for (const [file, content] of madeFiles()) {
    const path = join(REPO_ROOT, file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, content);
    print(`wrote ${file}`);
  }
}

async function applyToKafka(folder: string): Promise<void> {
  const settings = readEnv(KafkaEnv, process.env);
  const connection = await connectBroker(settings);
  try {
    await applyUsers(connection, readKafkaLogins(folder));
    const { made, removed } = await applyAcls(connection);
    for (const one of made) print(`+ ${one}`);
    for (const one of removed) print(`- ${one}`);
  } finally {
    await connection.close();
  }
}

async function applyToCassandra(folder: string, makesAdmin: boolean): Promise<void> {
  const settings = readEnv(CassandraEnv, process.env);
  if (makesAdmin) await replaceDefaultSuperuser(settings, readCassandraAdmin(folder));
  const client = createCassandra(settings, { useKeyspace: false });
  try {
    await client.connect();
    await applyRoles(client, readCassandraLogins(folder));
    const keyspace = settings.CASSANDRA_KEYSPACE;
    const tables = await client.execute(
      'SELECT table_name FROM system_schema.tables WHERE keyspace_name = ?',
      [keyspace],
      { prepare: true },
    );
    if (tables.rowLength === 0)
      return print(`The roles are there; their grants wait for the tables of ${keyspace}.`);
    const { granted, revoked } = await applyGrants(client, join(REPO_ROOT, 'cql/grants.cql'), keyspace);
    for (const one of granted) print(`+ ${one}`);
    for (const one of revoked) print(`- ${one}`);
  } finally {
    await client.shutdown();
  }
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

main(process.argv.slice(2)).catch((error: unknown) => {
  process.stderr.write(`rights: ${describeError(error)}\n`);
  process.exit(error instanceof UsageError ? 2 : 1);
});
