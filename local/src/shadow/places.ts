import type { CountingRules } from '@kandle/market/trade/counting-rules';
import { CountingRulesSchema } from '@kandle/market/trade/counting-rules';
import type { Client } from 'cassandra-driver';
import { z } from 'zod';

/** What a finished shadow says of itself, in its own keyspace. */
export interface AboutShadow {
  readonly fromMs: number;
  readonly toMs: number;
  readonly rules: CountingRules | null;
  readonly graceMs: number | null;
  /** Why it must not be promoted, one line each; none for a shadow that is whole. */
  readonly doubts: readonly string[];
  readonly differences: number;
}

const AboutSchema = z.object({
  fromMs: z.number(),
  toMs: z.number(),
  rules: CountingRulesSchema.nullable(),
  graceMs: z.number().nullable(),
  doubts: z.array(z.string()),
  differences: z.number(),
});

/** The keyspace of a shadow: beside the one whose windows it plays. */
export function shadowKeyspace(production: string, name: string): string {
  return `${production}_s_${name}`;
}

/** The names of topics and consumer groups of a shadow begin so. */
export function shadowPrefix(prefix: string, name: string): string {
  return `${prefix}shadow.${name}.`;
}

/** Writes down that a shadow was played to its end, and what it is. */
export async function recordShadow(client: Client, keyspace: string, about: AboutShadow): Promise<void> {
  await client.execute(
    `INSERT INTO ${keyspace}.promotions (name, version, ranges, changed_at) VALUES ('about', 1, ?, ?)`,
    [JSON.stringify(about), new Date()],
    { prepare: true },
  );
}

/** What a shadow says of itself; null if there is none, or it was not played to its end. */
export async function readShadow(client: Client, keyspace: string): Promise<AboutShadow | null> {
  const table = await client.execute(
    "SELECT table_name FROM system_schema.tables WHERE keyspace_name = ? AND table_name = 'promotions'",
    [keyspace],
    { prepare: true },
  );
  if (table.rowLength === 0) return null;
  const { rows } = await client.execute(
    `SELECT ranges FROM ${keyspace}.promotions WHERE name = 'about'`,
    [],
    {
      prepare: true,
    },
  );
  const text: unknown = rows[0]?.['ranges'];
  return typeof text === 'string' ? AboutSchema.parse(JSON.parse(text)) : null;
}
