import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { REPO_ROOT } from '@kandle/tooling/paths';
import type { KnownVariables, VariableFacts } from './environment.ts';

const ConfigModuleSchema = z.object({ envSchema: z.instanceof(z.ZodObject) });

/**
 * The variables of every function, of the audit and of the backfill, read from the schema in its `config.ts`.
 */
export async function readKnownVariables(): Promise<KnownVariables> {
  const folder = join(REPO_ROOT, 'functions');
  const known = new Map<string, ReadonlyMap<string, VariableFacts>>();
  const configs = readdirSync(folder).map((name) => [name, join(folder, name)] as const);
  const others = ['audit', 'backfill'].map((name) => [name, join(REPO_ROOT, name)] as const);
  for (const [name, part] of [...configs, ...others]) {
    const module: unknown = await import(join(part, 'src', 'config.ts'));
    const { shape } = ConfigModuleSchema.parse(module).envSchema;
    known.set(name, new Map(Object.entries(shape).map(([variable, type]) => [variable, factsOf(type)])));
  }
  return known;
}

function factsOf(type: z.core.$ZodType): VariableFacts {
  const isBudget = z.globalRegistry.get(type)?.['isRequestBudget'] === true;
  return { requestBudgetMs: isBudget ? Number(z.parse(type, undefined)) : null };
}
