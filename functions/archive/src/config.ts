import { TOPICS } from '@kandle/market/event/topics';
import { type Env, logLevel, positiveMs, readEnv } from '@kandle/runtime/config';
import { KafkaEnv } from '@kandle/runtime/kafka';
import { z } from 'zod';

/** Every variable that archive takes, with its default. */
export const envSchema = z.object({
  ...KafkaEnv.shape,
  LOG_LEVEL: logLevel.default('info'),
  RAW_TOPIC: z.string().min(1).default(TOPICS.raw),
  /**
   * Where the archive lies: a folder on a file system that renames folders at once, as every local one does.
   */
  ARCHIVE_FOLDER: z.string().min(1),
  /** How long after its end an hour is taken for closed: longer than a producer tries to send. */
  CLOSE_AFTER_MS: positiveMs.default(300_000),
  /** Longest time that reading one hour may take. */
  READ_MS: positiveMs.default(1_800_000),
  /** The consumer group that says how far the archive is; nobody reads in it. */
  GROUP: z.string().min(1).default('kandle-archive'),
});

/** The configuration of archive. */
export type ArchiveConfig = z.infer<typeof envSchema>;

/** Reads the configuration once, at start. @throws {FatalError} Naming every missing or malformed variable. */
export function readConfig(env: Env): ArchiveConfig {
  return readEnv(envSchema, env);
}
