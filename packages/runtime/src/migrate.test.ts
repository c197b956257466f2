import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from 'cassandra-driver';
import { expect, onTestFinished, test } from 'vitest';
import { laptopSchemaValues, migrate } from './migrate.ts';

test('migrate() refuses a folder with two steps of one number, before it connects', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'kandle-cql-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const name of ['001-a.cql', '002-b.cql', '002-c.cql']) writeFileSync(join(folder, name), '');
  const client = new Client({ contactPoints: ['127.0.0.1:1'], localDataCenter: 'none' });
  await expect(migrate(client, folder, laptopSchemaValues('k'))).rejects.toThrow('two schema steps are 002');
});

test('each step of cql/ has a number of its own', () => {
  const numbers = readdirSync(join(import.meta.dirname, '../../../cql')).map((name) => name.slice(0, 3));
  expect(new Set(numbers).size).toBe(numbers.length);
});
