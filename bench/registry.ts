import { join } from 'node:path';
import { rmSync } from 'node:fs';
import { AVRO_SCHEMAS } from '@kandle/market/avro/schemas';
import { TOPICS } from '@kandle/market/event/topics';
import { AvroEnv } from '@kandle/runtime/avro/avro-env';
import { type AvroEvents, createAvroEvents } from '@kandle/runtime/avro/avro-events';
import { createSchemaRegistry } from '@kandle/runtime/avro/schema-registry';
import { readEnv } from '@kandle/runtime/config';
import { startRegistry } from '@kandle/servers/registry/registry-server';
import { REPO_ROOT } from '@kandle/tooling/paths';

/** A registry that holds the schemas of all events. */
export interface BenchRegistry {
  /** Variables with which the topics of a run are Avro, by what they begin with. */
  envOf(prefix: string): Readonly<Record<string, string>>;
  /** What writes and reads them. */
  eventsOf(prefix: string): AvroEvents;
  close(): Promise<void>;
}

/** Starts a registry and registers every schema. */
export async function benchRegistry(
  say: (line: string) => void,
  signal: AbortSignal,
): Promise<BenchRegistry> {
  const dataDir = join(REPO_ROOT, '.kandle', 'bench-registry');
  const server = await startRegistry({ dataDir, onProgress: say, signal });
  const registry = createSchemaRegistry(server.url, readEnv(AvroEnv, {}));
  for (const schema of AVRO_SCHEMAS.values()) await registry.register(schema);
  const envOf = (prefix: string): Record<string, string> => ({
    SCHEMA_REGISTRY_URL: server.url,
    AVRO_TOPICS: [TOPICS.raw, TOPICS.trades, TOPICS.candles, TOPICS.signals]
      .map((topic) => prefix + topic)
      .join(','),
  });
  return {
    envOf,
    eventsOf(prefix) {
      const events = createAvroEvents(readEnv(AvroEnv, envOf(prefix)));
      if (events === null) throw new Error('Cannot measure: there is no registry');
      return events;
    },
    async close() {
      await server.kill();
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}
