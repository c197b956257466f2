import { pbkdf2Sync, randomBytes } from 'node:crypto';
import {
  type Acl as Entry,
  AclOperations,
  AclPermissionTypes,
  alterUserScramCredentialsV0,
  type Connection,
  createAclsV3,
  deleteAclsV3,
  describeAclsV3,
  ResourcePatternTypes,
  ResourceTypes,
} from '@platformatic/kafka';
import { type Acl, kafkaUsers, type Operation } from './acls.ts';
import type { Login } from './secrets.ts';

/** Kafka's number of SCRAM-SHA-512. */
const SCRAM_SHA_512 = 2;
const ITERATIONS = 4_096;
const SALT_BYTES = 24;
const HASH_BYTES = 64;

/** Gives every user the password that it has now; a user that is not there yet is made by that. */
export async function applyUsers(connection: Connection, logins: readonly Login[]): Promise<void> {
  const users = logins.map(({ name, password }) => {
    const salt = randomBytes(SALT_BYTES);
    const saltedPassword = pbkdf2Sync(password, salt, ITERATIONS, HASH_BYTES, 'sha512');
    return { name, mechanism: SCRAM_SHA_512, iterations: ITERATIONS, salt, saltedPassword };
  });
  // Throws if one of them is refused.
  await alterUserScramCredentialsV0.api.async(connection, [], users);
}

/** What was changed, in words. */
export interface AclChanges {
  readonly made: readonly string[];
  readonly removed: readonly string[];
}

/**
 * Gives our users the rights that are written down, and takes away what else they have. Those of others stay.
 */
export async function applyAcls(connection: Connection): Promise<AclChanges> {
  const users = kafkaUsers();
  const ours = new Set(users.map(({ user }) => `User:${user}`));
  const wanted = byName(users.flatMap(({ user, acls }) => acls.flatMap((acl) => entriesOf(user, acl))));
  const held = byName((await heldEntries(connection)).filter(({ principal }) => ours.has(principal)));
  const missing = [...wanted].filter(([name]) => !held.has(name));
  const needless = [...held].filter(([name]) => !wanted.has(name));
  const entries = (list: typeof missing): Entry[] => list.map(([, entry]) => entry);
  if (missing.length > 0) await createAclsV3.api.async(connection, entries(missing));
  if (needless.length > 0) await deleteAclsV3.api.async(connection, entries(needless));
  return { made: missing.map(([name]) => name), removed: needless.map(([name]) => name) };
}

const TYPE = { topic: ResourceTypes.TOPIC, group: ResourceTypes.GROUP } as const;
const PATTERN = { literal: ResourcePatternTypes.LITERAL, prefix: ResourcePatternTypes.PREFIXED } as const;
const OPERATION = {
  Read: AclOperations.READ,
  Write: AclOperations.WRITE,
  Describe: AclOperations.DESCRIBE,
  Delete: AclOperations.DELETE,
} as const satisfies Record<Operation, number>;

function entriesOf(user: string, { type, name, pattern, operations }: Acl): Entry[] {
  return operations.map((operation) => ({
    principal: `User:${user}`,
    host: '*',
    operation: OPERATION[operation],
    permissionType: AclPermissionTypes.ALLOW,
    resourceType: TYPE[type],
    resourceName: name,
    resourcePatternType: PATTERN[pattern],
  }));
}

function byName(entries: readonly Entry[]): ReadonlyMap<string, Entry> {
  return new Map(entries.map((entry) => [nameOf(entry), entry]));
}

/** As a person reads it: `User:kandle-ingest ALLOW READ TOPIC LITERAL market.raw.v1 from *`. */
function nameOf(entry: Entry): string {
  return [
    entry.principal,
    labelOf(AclPermissionTypes, entry.permissionType),
    labelOf(AclOperations, entry.operation),
    labelOf(ResourceTypes, entry.resourceType),
    labelOf(ResourcePatternTypes, entry.resourcePatternType),
    entry.resourceName,
    'from',
    entry.host,
  ].join(' ');
}

function labelOf(labels: Readonly<Record<string, number>>, value: number): string {
  return Object.keys(labels).find((label) => labels[label] === value) ?? String(value);
}

async function heldEntries(connection: Connection): Promise<readonly Entry[]> {
  const { resources } = await describeAclsV3.api.async(connection, {
    resourceType: ResourceTypes.ANY,
    resourceName: null,
    resourcePatternType: ResourcePatternTypes.ANY,
    principal: null,
    host: null,
    operation: AclOperations.ANY,
    permissionType: AclPermissionTypes.ANY,
  });
  return resources.flatMap(({ acls, ...target }) => acls.map((acl) => ({ ...target, ...acl })));
}
