import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readSecret } from '@kandle/runtime/secret';
import { createAuthority, issueCertificate } from './certificates.ts';
import {
  CASSANDRA_COMPONENTS,
  cassandraSecretOf,
  KAFKA_COMPONENTS,
  kafkaSecretOf,
  kafkaUserOf,
  roleOf,
} from './names.ts';

/** A login: the name and where its password is. */
export interface Login {
  readonly component: string;
  readonly name: string;
  readonly password: string;
}

/** Who makes users and topics in Kafka, and tables and roles in Cassandra. */
const ADMIN = 'admin';

const PASSWORD_BYTES = 24;

/**
 * Makes the folders of secrets that are not there yet, one for each login, as a cluster mounts them; what is
 * there is kept. With `hosts` also an authority, and a certificate of the servers for these names and
 * addresses.
 *
 * @returns The files that were made, from `folder` on.
 */
export async function makeSecrets(folder: string, hosts: readonly string[]): Promise<readonly string[]> {
  const made: string[] = [];
  const make = (secret: string, file: string, content: () => string): void => {
    const path = join(folder, secret, file);
    if (existsSync(path)) return;
    mkdirSync(join(folder, secret), { recursive: true, mode: 0o755 });
    // Read by the user of the container (65532), who is not the one that makes it.
    writeFileSync(path, content(), { mode: 0o644 });
    made.push(`${secret}/${file}`);
  };
  if (hosts.length > 0 && !existsSync(join(folder, 'servers', 'tls.crt'))) {
    const authority = await createAuthority('Kandle');
    const server = await issueCertificate(authority, 'kandle-servers', hosts);
    make('servers', 'ca.crt', () => authority.certificate);
    make('servers', 'tls.key', () => server.key);
    make('servers', 'tls.crt', () => server.certificate);
  }
  const authorityFile = join(folder, 'servers', 'ca.crt');
  const authority = existsSync(authorityFile) ? readFileSync(authorityFile, 'utf8') : null;
  for (const [component, secret] of kafkaLogins()) {
    make(secret, 'user', () => kafkaUserOf(component));
    make(secret, 'password', newPassword);
    if (authority !== null) make(secret, 'ca.crt', () => authority);
  }
  for (const [component, secret] of cassandraLogins()) {
    make(secret, 'username', () => roleOf(component));
    make(secret, 'password', newPassword);
    if (authority !== null) make(secret, 'ca.crt', () => authority);
  }
  return made;
}

/** The logins to Kafka in a folder of secrets, without the administrator's. */
export function readKafkaLogins(folder: string): readonly Login[] {
  return KAFKA_COMPONENTS.map((component) => ({
    component,
    name: kafkaUserOf(component),
    password: passwordOf(folder, kafkaSecretOf(component)),
  }));
}

/** The logins to Cassandra in a folder of secrets, without the administrator's. */
export function readCassandraLogins(folder: string): readonly Login[] {
  return CASSANDRA_COMPONENTS.map((component) => cassandraLogin(folder, component));
}

/** The login of Cassandra's administrator in a folder of secrets. */
export function readCassandraAdmin(folder: string): Login {
  return cassandraLogin(folder, ADMIN);
}

function cassandraLogin(folder: string, component: string): Login {
  const password = passwordOf(folder, cassandraSecretOf(component));
  return { component, name: roleOf(component), password };
}

function passwordOf(folder: string, secret: string): string {
  return readSecret(join(folder, secret, 'password'), `${secret}/password`);
}

function kafkaLogins(): readonly (readonly [component: string, secret: string])[] {
  return [ADMIN, ...KAFKA_COMPONENTS].map((component) => [component, kafkaSecretOf(component)]);
}

function cassandraLogins(): readonly (readonly [component: string, secret: string])[] {
  return [ADMIN, ...CASSANDRA_COMPONENTS].map((component) => [component, cassandraSecretOf(component)]);
}

function newPassword(): string {
  return randomBytes(PASSWORD_BYTES).toString('base64url');
}
