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
/** On a busy machine a change of the schema takes longer than any other statement. */
const SCHEMA_CHANGE = { prepare: false, readTimeout: 60_000 } as const;

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
 * @throws {FatalError} If an applied step was changed since, two have one number, or a placeholder has no
 * value.
 */
export async function migrate(
  client: Client,
  folder: string,
  values: SchemaValues,
): Promise<readonly string[]> {
  const steps = readSteps(folder);
  const applied = await readApplied(client, values.keyspace);
  const isNeedless = needlessOf(steps, applied.size === 0);
  const fresh: string[] = [];
  for (const [place, step] of steps.entries()) {
    const known = applied.get(step.name);
    if (known === step.checksum) continue;
    if (known !== undefined) {
      throw new FatalError(
        `Cannot migrate: ${step.name} was changed after it had been applied; undo that, and add a new step`,
      );
    }
    for (const statement of statementsOf(step, values)) {
      if (!isNeedless(statement, place)) await client.execute(statement, [], SCHEMA_CHANGE);
    }
    if (applied.size === 0 && fresh.length === 0)
      await client.execute(
        `CREATE TABLE IF NOT EXISTS ${values.keyspace}.schema_steps (name text PRIMARY KEY, checksum text, applied_at timestamp)`,
        [],
        SCHEMA_CHANGE,
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
  const names = readdirSync(folder)
    .filter((name) => /^\d{3}-.*\.cql$/.test(name))
    .toSorted();
  const twice = names.find((name, place) => name.slice(0, 3) === names[place + 1]?.slice(0, 3));
  if (twice !== undefined) throw new FatalError(`Cannot migrate: two schema steps are ${twice.slice(0, 3)}`);
  return names.map((name) => {
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

/**
 * Tells the statements whose effect a later step takes back, because it drops their table and makes it anew; in
 * a new keyspace the dropping as well. Each change of a schema takes Cassandra a second or so.
 */
function needlessOf(
  steps: readonly SchemaStep[],
  isNew: boolean,
): (statement: string, place: number) => boolean {
  const madeAnew = new Map<string, number>();
  for (const [place, { text }] of steps.entries())
    for (const [, table = ''] of text.matchAll(/^DROP TABLE IF EXISTS \$\{keyspace\}\.(\w+);/gm))
      madeAnew.set(table, place);
  return (statement, place) => {
    const [, verb, table = ''] =
      /^(CREATE TABLE IF NOT EXISTS|ALTER TABLE|DROP TABLE IF EXISTS) \w+\.(\w+)/.exec(statement) ?? [];
    const last = madeAnew.get(table) ?? -1;
    return place < last || (place === last && isNew && verb === 'DROP TABLE IF EXISTS');
  };
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
