import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { REPO_ROOT } from '@kandle/tooling/paths';
import type { KnownVariables } from './environment.ts';

const ConfigModuleSchema = z.object({ envSchema: z.instanceof(z.ZodObject) });

/** The variables of every function and of the audit, read from the schema in its `config.ts`. */
export async function readKnownVariables(): Promise<KnownVariables> {
  const folder = join(REPO_ROOT, 'functions');
  const known = new Map<string, ReadonlySet<string>>();
  const configs = readdirSync(folder).map((name) => [name, join(folder, name)] as const);
  for (const [name, part] of [...configs, ['audit', join(REPO_ROOT, 'audit')] as const]) {
    const module: unknown = await import(join(part, 'src', 'config.ts'));
    known.set(name, new Set(Object.keys(ConfigModuleSchema.parse(module).envSchema.shape)));
  }
  return known;
}
