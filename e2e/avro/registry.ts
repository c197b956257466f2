import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { AVRO_SCHEMAS, type AvroRecord } from '@kandle/market/avro/schemas';
import { TOPICS } from '@kandle/market/event/topics';
import { AvroEnv } from '@kandle/runtime/avro/avro-env';
import { createSchemaRegistry, type SchemaRegistry } from '@kandle/runtime/avro/schema-registry';
import { readEnv } from '@kandle/runtime/config';
import { type RegistryServer, startRegistry } from '@kandle/servers/registry/registry-server';
import { opaqueWire } from '@kandle/testkit/proxy/opaque-wire';
import { startProxy, type TcpProxy } from '@kandle/testkit/proxy/tcp-proxy';

/** A real registry, and the way to it that can be closed. */
export interface TestRegistry {
  readonly server: RegistryServer;
  /** What its clients go through. */
  readonly proxy: TcpProxy;
  /** Of the way through the proxy. */
  readonly url: string;
  readonly registry: SchemaRegistry;
  /** Where a test may write. */
  readonly folder: string;
  close(): Promise<void>;
}

/** Starts a registry that knows nothing yet. */
export async function startTestRegistry(): Promise<TestRegistry> {
  const folder = mkdtempSync(join(tmpdir(), 'kandle-avro-'));
  const { signal } = new AbortController();
  const server = await startRegistry({ dataDir: folder, onProgress: () => undefined, signal });
  const { port } = new URL(server.url);
  const proxy = await startProxy(Number(port), opaqueWire);
  return {
    server,
    proxy,
    url: server.url.replace(port, String(proxy.port)),
    registry: createSchemaRegistry(server.url, readEnv(AvroEnv, {})),
    folder,
    async close() {
      await proxy.close();
      await server.kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Registers every schema of the events. */
export async function registerAll(registry: SchemaRegistry): Promise<void> {
  for (const schema of AVRO_SCHEMAS.values()) await registry.register(schema);
}

/** The schema of a type of event. */
export function schemaOf(type: string): AvroRecord {
  const schema = AVRO_SCHEMAS.get(type);
  if (schema === undefined) throw new Error(`no schema of ${type}`);
  return schema;
}

/** Variables with which the topics of a run are written as Avro. */
export function avroEnv(url: string, prefix: string): Readonly<Record<string, string>> {
  const topics = [TOPICS.raw, TOPICS.trades, TOPICS.candles, TOPICS.signals];
  return { SCHEMA_REGISTRY_URL: url, AVRO_TOPICS: topics.map((topic) => prefix + topic).join(',') };
}
