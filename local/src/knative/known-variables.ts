import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { REPO_ROOT } from '../paths.ts';
import type { KnownVariables } from './plan.ts';

const ConfigModule = z.object({ envSchema: z.instanceof(z.ZodObject) });

/** The variables of every function, read from the schema in its `config.ts`. */
export async function readKnownVariables(): Promise<KnownVariables> {
  const folder = join(REPO_ROOT, 'functions');
  const known = new Map<string, ReadonlySet<string>>();
  for (const name of readdirSync(folder)) {
    const module: unknown = await import(join(folder, name, 'src', 'config.ts'));
    known.set(name, new Set(Object.keys(ConfigModule.parse(module).envSchema.shape)));
  }
  return known;
}
