import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { REPO_ROOT } from '@kandle/tooling/paths';
import { expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { madeFiles } from './files.ts';
import { CASSANDRA_COMPONENTS, cassandraSecretOf } from './names.ts';
import { COMPONENTS, TABLES } from './rights.ts';

test.each([...madeFiles()])('%s is as the rights make it: npm run rights -- --build', (file, content) => {
  const path = join(REPO_ROOT, file);
  expect(existsSync(path) ? readFileSync(path, 'utf8') : null).toBe(content);
});

test('the rights name each component once, and every table but those of the schema program', () => {
  const names = COMPONENTS.map(({ name }) => name);
  expect(names).toEqual([...new Set(names)]);
  const named = COMPONENTS.flatMap(({ cassandra: { select = [], modify = [] } = {} }) => [
    ...select,
    ...modify,
  ]);
  expect(TABLES.filter((table) => !named.includes(table))).toEqual(['schema_steps']);
});

test('cass-operator makes a role for each component that logs in to Cassandra, and none for another', () => {
  const file = join(REPO_ROOT, 'knative/components/cassandra/cassandra.yaml');
  const users = parseAllDocuments(readFileSync(file, 'utf8')).flatMap((document) => {
    const { spec }: { readonly spec?: { readonly users?: readonly unknown[] } } = Object(document.toJS());
    return spec?.users ?? [];
  });
  expect(users).toEqual(
    CASSANDRA_COMPONENTS.map((name) => ({ secretName: cassandraSecretOf(name), superuser: false })),
  );
});
