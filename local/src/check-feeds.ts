import { join } from 'node:path';
import { describeError } from '@kandle/runtime/errors';
import { REPO_ROOT } from '@kandle/tooling/paths';
import { StartError } from '@kandle/tooling/start-error';
import { z } from 'zod';

/** What a feed of the configuration file asks of ingest. */
export interface AskedFeed {
  /** Where in the file it stands, such as `kandle.config.json: feeds.0`. */
  readonly place: string;
  /** Names in its `settings`. */
  readonly settings: readonly string[];
  /** Variables of ingest. */
  readonly env: Readonly<Record<string, string>>;
}

const ConfigModuleSchema = z.object({
  envSchema: z.instanceof(z.ZodObject),
  readConfig: z.custom<(env: AskedFeed['env']) => unknown>((value) => typeof value === 'function'),
});

/**
 * Lets ingest's own schema read what each feed asks of it, before anything is started.
 *
 * @throws {StartError} Naming each feed that would not start, and why.
 */
export async function checkFeeds(feeds: readonly AskedFeed[]): Promise<void> {
  const module: unknown = await import(join(REPO_ROOT, 'functions/ingest/src/config.ts'));
  const { envSchema, readConfig } = ConfigModuleSchema.parse(module);
  const faults = feeds.flatMap(({ place, settings, env }) => {
    const unknown = settings
      .filter((name) => !Object.hasOwn(envSchema.shape, name))
      .map((name) => `${place}.settings.${name}: ingest has no such variable`);
    try {
      readConfig(env);
      return unknown;
    } catch (error) {
      return [...unknown, `${place}: ${describeError(error).replace(/^Cannot start: /, '')}`];
    }
  });
  if (faults.length > 0) throw new StartError(faults.join('\n'));
}
