import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Client } from 'cassandra-driver';
import { FatalError } from './errors.ts';

/** Values that the schema's placeholders `${name}` stand for. */
export interface SchemaValues {
  readonly keyspace: string;
  /** CQL map, such as `{'class': 'SimpleStrategy', 'replication_factor': 1}`. */
  readonly replication: string;
  readonly windows_ttl_seconds: string;
  readonly trades_ttl_seconds: string;
  readonly candles_ttl_seconds: string;
}

const DAY_SECONDS = 86_400;

/**
 * The values of a laptop: one replica; windows outlive raw (14 days) by two days, trades 30 days, candles 400.
 */
export function laptopSchemaValues(keyspace: string): SchemaValues {
  return {
    keyspace,
    replication: "{'class': 'SimpleStrategy', 'replication_factor': 1}",
    windows_ttl_seconds: String(16 * DAY_SECONDS),
    trades_ttl_seconds: String(30 * DAY_SECONDS),
    candles_ttl_seconds: String(400 * DAY_SECONDS),
  };
}

interface SchemaStep {
  readonly name: string;
  readonly text: string;
  readonly checksum: string;
}

/**
 * Applies the schema steps of a folder (`001-….cql`, `002-….cql`, …) that are not applied yet, in order, and
 * remembers each in the table `schema_steps`. Every step's statements must be repeatable (`IF NOT EXISTS`), for
 * a crash may come between a step and its record.
 *
 * @param client Connected without a keyspace.
 * @returns The names of the steps applied now.
 * @throws {FatalError} If an applied step's file was changed since, or a placeholder has no value.
 */
export async function migrate(
  client: Client,
  folder: string,
  values: SchemaValues,
): Promise<readonly string[]> {
  const steps = readSteps(folder);
  const applied = await readApplied(client, values.keyspace);
  const fresh: string[] = [];
  for (const step of steps) {
    const known = applied.get(step.name);
    if (known === step.checksum) continue;
    if (known !== undefined) {
      throw new FatalError(
        `Cannot migrate: ${step.name} was changed after it had been applied; undo that, and add a new step`,
      );
    }
    for (const statement of statementsOf(step, values))
      await client.execute(statement, [], { prepare: false });
    await client.execute(
      `CREATE TABLE IF NOT EXISTS ${values.keyspace}.schema_steps (name text PRIMARY KEY, checksum text, applied_at timestamp)`,
      [],
      { prepare: false },
    );
    await client.execute(
      `INSERT INTO ${values.keyspace}.schema_steps (name, checksum, applied_at) VALUES (?, ?, ?)`,
      [step.name, step.checksum, new Date()],
      { prepare: true },
    );
    fresh.push(step.name);
  }
  return fresh;
}

function readSteps(folder: string): readonly SchemaStep[] {
  return readdirSync(folder)
    .filter((name) => /^\d{3}-.*\.cql$/.test(name))
    .toSorted()
    .map((name) => {
      const text = readFileSync(join(folder, name), 'utf8');
      return { name, text, checksum: createHash('sha256').update(text).digest('hex') };
    });
}

async function readApplied(client: Client, keyspace: string): Promise<ReadonlyMap<string, string>> {
  const table = await client.execute(
    "SELECT table_name FROM system_schema.tables WHERE keyspace_name = ? AND table_name = 'schema_steps'",
    [keyspace],
    { prepare: true },
  );
  if (table.rowLength === 0) return new Map();
  const rows = await client.execute(`SELECT name, checksum FROM ${keyspace}.schema_steps`, [], {
    prepare: true,
  });
  return new Map(rows.rows.map((row) => [String(row['name']), String(row['checksum'])]));
}

function statementsOf({ name, text }: SchemaStep, values: SchemaValues): readonly string[] {
  const known: ReadonlyMap<string, string> = new Map(Object.entries(values));
  return text
    .replace(/^\s*--.*$/gm, '')
    .replace(/\$\{(\w+)\}/g, (_, placeholder: string) => {
      const value = known.get(placeholder);
      if (value === undefined)
        throw new FatalError(`Cannot migrate: ${name} has an unknown placeholder ${placeholder}`);
      return value;
    })
    .split(';')
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '');
}
