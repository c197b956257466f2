import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { AVRO_SCHEMAS, type AvroRecord, subjectOf } from '@kandle/market/avro/schemas';
import { EVENT_TYPES, TOPICS } from '@kandle/market/event/topics';
import { readEnv } from '@kandle/runtime/config';
import { AvroEnv } from '@kandle/runtime/avro/avro-env';
import { createAvroEvents } from '@kandle/runtime/avro/avro-events';
import { createSchemaRegistry, type SchemaRegistry } from '@kandle/runtime/avro/schema-registry';
import { freePort } from '@kandle/servers/ports/ports';
import { type RegistryServer, startRegistry } from '@kandle/servers/registry/registry-server';
import type { Pipeline } from '@kandle/stand-in/pipeline';
import { type FunctionProcess, startFunction } from '@kandle/testkit/function-process';
import { opaqueWire } from '@kandle/testkit/proxy/opaque-wire';
import { startProxy, type TcpProxy } from '@kandle/testkit/proxy/tcp-proxy';
import { KANDLE_FOLDER, REPO_ROOT } from '@kandle/tooling/paths';
import { Kafka, logLevel } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest';
import {
  hasRecording,
  NO_RECORDING,
  readExpectedWindows,
  readExportedCandles,
  RECORDING,
} from './recording.ts';
import { writeRecording } from './recording.ts';
import { runReplay } from './run-replay.ts';
import { expectSameCandles } from './same-candles.ts';

const run = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), 'kandle-avro-'));
const TRANSFORM = join(REPO_ROOT, 'functions', 'transform', 'src', 'index.ts');

let server: RegistryServer;
let proxy: TcpProxy;
let registry: SchemaRegistry;
/** The registry through the proxy, so that it can be away. */
let url: string;

beforeAll(async () => {
  const stop = new AbortController();
  server = await startRegistry({ dataDir: folder, onProgress: () => undefined, signal: stop.signal });
  proxy = await startProxy(Number(new URL(server.url).port), opaqueWire);
  url = server.url.replace(new URL(server.url).port, String(proxy.port));
  registry = createSchemaRegistry(server.url, readEnv(AvroEnv, {}));
});
afterAll(async () => {
  await proxy?.close();
  await server?.kill();
  rmSync(folder, { recursive: true, force: true });
});

/** Runs `npm run schemas`. */
async function schemas(
  ...args: readonly string[]
): Promise<{ readonly code: number; readonly text: string }> {
  const script = join(REPO_ROOT, 'local', 'src', 'schemas.ts');
  const env = { ...process.env, SCHEMA_REGISTRY_URL: server.url };
  try {
    const { stdout } = await run(process.execPath, [script, ...args], { env });
    return { code: 0, text: stdout };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, text: stdout + stderr };
  }
}

function schemaOf(type: string): AvroRecord {
  const schema = AVRO_SCHEMAS.get(type);
  if (schema === undefined) throw new Error(`no schema of ${type}`);
  return schema;
}

function avroEnv(prefix: string): Readonly<Record<string, string>> {
  const topics = [TOPICS.raw, TOPICS.trades, TOPICS.candles, TOPICS.signals];
  return { SCHEMA_REGISTRY_URL: url, AVRO_TOPICS: topics.map((topic) => prefix + topic).join(',') };
}

describe('npm run schemas', () => {
  test('it registers every schema, and the same again, when the registry knows none', async () => {
    expect((await schemas('--register')).code).toBe(0);
    expect((await schemas('--check', '--register')).code).toBe(0);
    for (const schema of AVRO_SCHEMAS.values()) {
      const text = await registry.readSchema(await registry.readId(schema));
      expect(JSON.parse(text ?? '')).toEqual(JSON.parse(JSON.stringify(schema)));
    }
  });

  test('the registry refuses a schema with 409 and the command ends with 1, when a reader or a writer of before could not go on', async () => {
    const before = schemaOf(EVENT_TYPES.feedGap);
    const [first, ...rest] = before.fields;
    if (first === undefined) throw new Error('no field');
    const more = { name: 'venue', type: 'string' };
    const incompatible: readonly AvroRecord[] = [
      { ...before, fields: rest },
      { ...before, fields: [...before.fields, more] },
      { ...before, fields: [{ ...first, type: 'long' }, ...rest] },
    ];
    for (const one of incompatible) {
      expect(await registry.judge(one)).toMatch(/./);
      expect(await registry.register(one)).toEqual({ refusal: expect.stringMatching(/./) });
    }
    // Where another one was registered before, ours is the one that is refused.
    const list = schemaOf(EVENT_TYPES.instrumentList);
    await fetch(`${server.url}/subjects/${subjectOf(list)}`, { method: 'DELETE' });
    await registry.register({ ...list, fields: [{ name: 'other', type: 'long' }] });
    await registry.demand(subjectOf(list), 'FULL_TRANSITIVE');
    const { code, text } = await schemas('--register');
    expect(code).toBe(1);
    expect(text).toContain(`${subjectOf(list)}: refused`);
    await fetch(`${server.url}/subjects/${subjectOf(list)}`, { method: 'DELETE' });
    expect((await schemas('--register')).code).toBe(0);
  });

  test('a newer schema goes beside the one before, when its new field has a default', async () => {
    const v1 = schemaOf(EVENT_TYPES.indicators);
    const v2 = { ...v1, fields: [...v1.fields, { name: 'region', type: 'string', default: 'world' }] };
    expect(await registry.judge(v2)).toBeNull();
    expect(await registry.register(v2)).not.toBe(await registry.readId(v1));
    // Its data are read by the functions of before, and theirs by it, through the registry's own ids.
    const none = { shard: 'x-00', windowStartMs: 0, indicators: [] };
    const settings = readEnv(AvroEnv, { SCHEMA_REGISTRY_URL: server.url, AVRO_TOPICS: 'x' });
    const older = createAvroEvents(settings);
    const newer = createAvroEvents(settings, new Map([[EVENT_TYPES.indicators, v2]]));
    const event = (data: unknown) => ({
      id: '1',
      source: '/feeds/x',
      type: EVENT_TYPES.indicators,
      key: 'x-00',
      extensions: {},
      data,
    });
    const [byNewer] = (await newer?.toMessages([event({ ...none, region: 'EU' })])) ?? [];
    const [byOlder] = (await older?.toMessages([event(none)])) ?? [];
    const read = (reader: typeof older, message: typeof byNewer) =>
      reader?.read(
        EVENT_TYPES.indicators,
        String(message?.headers?.['ce_dataschema']),
        Buffer.from(message?.value ?? ''),
      );
    expect(await read(older, byNewer)).toEqual(none);
    expect(await read(newer, byOlder)).toEqual({ ...none, region: 'world' });
  });
});

describe('a function', () => {
  const gap = { shard: 'finnhub-00', fromMs: 1, toMs: 2, reason: 'silent', droppedRecords: 0 };

  async function startTransform(env: Readonly<Record<string, string>>): Promise<{
    readonly process: FunctionProcess;
    send(headers: Readonly<Record<string, string>>, body: Buffer): Promise<{ status: number; text: string }>;
  }> {
    const port = await freePort();
    const process = await startFunction(TRANSFORM, port, {
      KAFKA_BROKERS: inject('kafkaBrokers').join(','),
      TRADES_TOPIC: `avro-${Date.now()}`,
      ...env,
    });
    onTestFinished(() => process.kill());
    return {
      process,
      async send(headers, body) {
        const answer = await fetch(`http://127.0.0.1:${port}/`, {
          method: 'POST',
          headers: {
            'ce-specversion': '1.0',
            'ce-id': '1',
            'ce-source': '/feeds/x',
            'ce-type': EVENT_TYPES.feedGap,
            'content-type': 'application/avro',
            ...headers,
          },
          body: new Uint8Array(body),
        });
        return { status: answer.status, text: await answer.text() };
      },
    };
  }

  async function avroOf(framing: 'dataschema' | 'prefix'): Promise<[Record<string, string>, Buffer]> {
    const events = createAvroEvents(
      readEnv(AvroEnv, { SCHEMA_REGISTRY_URL: server.url, AVRO_TOPICS: 'x', AVRO_FRAMING: framing }),
    );
    const event = {
      id: '1',
      source: '/feeds/x',
      type: EVENT_TYPES.feedGap,
      key: 'x',
      extensions: {},
      data: gap,
    };
    const [message] = (await events?.toMessages([event])) ?? [];
    const schema = message?.headers?.['ce_dataschema'];
    return [
      schema === undefined ? {} : { 'ce-dataschema': String(schema) },
      Buffer.from(message?.value ?? ''),
    ];
  }

  test('it answers 503 while the registry is away at its start, and goes on when it is back', async () => {
    proxy.setWeather({ kind: 'refused' });
    onTestFinished(() => proxy.setWeather({ kind: 'clear' }));
    const { send } = await startTransform({ SCHEMA_REGISTRY_URL: url });
    const [headers, body] = await avroOf('dataschema');
    expect(await send(headers, body)).toEqual({
      status: 503,
      text: expect.stringContaining('Cannot ask the schema registry'),
    });
    proxy.setWeather({ kind: 'clear' });
    // It gets as far as Kafka now, whose topic is not there.
    expect((await send(headers, body)).text).toContain('Cannot produce to Kafka');
  });

  test('it reads both framings, and answers 422 with the id to a schema that nobody knows', async () => {
    const { send } = await startTransform({ SCHEMA_REGISTRY_URL: url });
    for (const framing of ['dataschema', 'prefix'] as const) {
      const [headers, body] = await avroOf(framing);
      expect((await send(headers, body)).text).toContain('Cannot produce to Kafka');
    }
    const [, body] = await avroOf('dataschema');
    const unknown = await send({ 'ce-dataschema': 'https://elsewhere/schemas/ids/4711' }, body);
    expect(unknown).toEqual({ status: 422, text: expect.stringContaining('knows no schema 4711') });
    expect((await send({}, body)).status).toBe(422);
    const cut = await avroOf('dataschema');
    expect((await send(cut[0], cut[1].subarray(1))).status).toBe(422);
  });

  test('it answers 503, not 422, when what answers is no registry', async () => {
    const { send } = await startTransform({ SCHEMA_REGISTRY_URL: `${url}/nowhere` });
    const [headers, body] = await avroOf('dataschema');
    expect((await send(headers, body)).status).toBe(503);
  });

  test('it answers 415, when it has no registry', async () => {
    const { send } = await startTransform({});
    const [headers, body] = await avroOf('dataschema');
    expect((await send(headers, body)).status).toBe(415);
  });
});

/** Made-up frames with numbers at the edges: 1e-8, below 0, a volume of 2^53+1 and notionals of 38 digits. */
function edgeFrames(): readonly string[] {
  const trades = [
    ['AAPL', 189.5, 10],
    ['币安', 1e-8, 1e-8],
    ['OIL', -1, 3],
    ['OIL', -37.63, 0.1],
    ['HUGE', 99_999_999_999, 99_999_999_998],
  ] as const;
  const frameOf = (n: number, [s, p, v]: readonly [string, number, number]): string => {
    const t = 1_700_000_000_000 + n * 200;
    return JSON.stringify({ recv_ms: t, frame: { type: 'trade', data: [{ s, p, t, v, c: null }] } });
  };
  return [
    frameOf(0, ['EDGE', 1, 90_071_992.547_409_92]),
    frameOf(1, ['EDGE', 1, 1e-8]),
    ...Array.from({ length: 400 }, (_, n) => frameOf(n + 2, trades[n % trades.length] ?? trades[0])),
  ];
}

/** Volumes and notionals of the candles, exact. */
async function sumsOf(pipeline: Pipeline, keyspace: string): Promise<readonly string[]> {
  const { rows } = await pipeline.client.execute(
    `SELECT volume_e8, notional_e16 FROM ${keyspace}.candles_5s`,
  );
  return rows.flatMap((row) => [String(row['volume_e8']), String(row['notional_e16'])]).toSorted();
}

interface AvroBytes {
  readonly type: string;
  readonly value: Buffer;
}

/** The records of topics that are Avro, and how many are not. */
async function readAvro(topics: readonly string[]): Promise<readonly AvroBytes[]> {
  const kafka = new Kafka({ brokers: inject('kafkaBrokers'), logLevel: logLevel.NOTHING });
  const admin = kafka.admin();
  const consumer = kafka.consumer({ groupId: `avro-test-${Date.now()}`, maxWaitTimeInMs: 100 });
  await admin.connect();
  let missing = 0;
  for (const topic of topics)
    for (const { low, high } of await admin.fetchTopicOffsets(topic)) missing += Number(high) - Number(low);
  await admin.disconnect();
  const found: AvroBytes[] = [];
  const others: string[] = [];
  await consumer.connect();
  await consumer.subscribe({ topics: [...topics], fromBeginning: true });
  const { promise, resolve } = Promise.withResolvers<void>();
  await consumer.run({
    eachMessage: async ({ message: { headers, value } }) => {
      const type = String(headers?.['ce_type']);
      if (String(headers?.['content-type']) === 'application/avro' && value !== null)
        found.push({ type, value });
      else others.push(type);
      if (found.length + others.length === missing) resolve();
    },
  });
  await promise;
  await consumer.disconnect();
  expect(others).toEqual([]);
  return found;
}

describe('the pipeline', () => {
  let records: readonly AvroBytes[] = [];

  test('it ends with the same bytes as with JSON, when topics are Avro and functions start while the registry is away', async () => {
    const file = join(folder, 'edges.jsonl.gz');
    writeRecording(file, edgeFrames());
    let expected: readonly string[] = [];
    const json = await runReplay(file, {
      async after(pipeline, keyspace) {
        expected = await sumsOf(pipeline, keyspace);
      },
    });
    expect(expected).toContain('9007199254740993');
    expect(expected.some((text) => text.length >= 38)).toBe(true);
    let sums: readonly string[] = [];
    let retries = 0;
    const avro = await runReplay(file, {
      processEnv: (_, prefix) => avroEnv(prefix),
      async during(pipeline) {
        while (((await pipeline.ingestStatus())?.records ?? 0) < 50) await sleep(5);
        proxy.setWeather({ kind: 'refused' });
        for (const name of ['transform', 'aggregate', 'persist']) pipeline.services.get(name)?.kill();
        const count = (): number => pipeline.sources.reduce((sum, { stats }) => sum + stats.retries, 0);
        while (count() === 0) await sleep(20);
        proxy.setWeather({ kind: 'clear' });
        retries = count();
      },
      async after(pipeline, keyspace) {
        sums = await sumsOf(pipeline, keyspace);
        records = await readAvro(
          [TOPICS.raw, TOPICS.trades, TOPICS.candles].map((topic) => `${keyspace}.${topic}`),
        );
      },
    });
    expect(retries).toBeGreaterThan(0);
    expect(avro.deadLetters).toBe(0);
    expect(avro.candles).toBe(json.candles);
    expect(avro.trades).toBe(json.trades);
    expect(sums).toEqual(expected);
  });

  test('its bytes are read alike by fastavro in Python and by Apache Avro in Java', async () => {
    const python = await installFastavro();
    const types = [EVENT_TYPES.rawTrades, EVENT_TYPES.trades, EVENT_TYPES.candles];
    for (const type of types) {
      const record = records.findLast((one) => one.type === type);
      if (record === undefined) throw new Error(`no record of ${type}`);
      const [schema, data] = [join(folder, 'schema.avsc'), join(folder, 'data.bin')];
      writeFileSync(schema, JSON.stringify(schemaOf(type)));
      writeFileSync(data, record.value);
      const readers = join(import.meta.dirname, 'readers');
      const byPython = await run(python, [join(readers, 'decode.py'), schema, data]);
      const byJava = await run('java', [
        '-cp',
        join(server.libDir, '*'),
        join(readers, 'Decode.java'),
        schema,
        data,
      ]);
      const ours = await decoded(type, record.value);
      expect(JSON.parse(byPython.stdout), `${type} in Python`).toEqual(ours);
      expect(JSON.parse(byJava.stdout), `${type} in Java`).toEqual(ours);
    }
  });

  test.skipIf(!hasRecording)(
    `it ends with the same bytes and the expected windows, when the recording is played as Avro${hasRecording ? '' : ` (${NO_RECORDING})`}`,
    async () => {
      const json = await runReplay(RECORDING);
      const avro = await runReplay(RECORDING, { processEnv: (_, prefix) => avroEnv(prefix) });
      expect(avro.candles).toBe(json.candles);
      expect(avro.trades).toBe(json.trades);
      expectSameCandles(readExportedCandles(avro.candles), readExpectedWindows());
    },
  );
});

/** What the functions themselves read, with texts of JSON and nulls as the schema has them. */
async function decoded(type: string, value: Buffer): Promise<unknown> {
  const { default: avsc } = await import('avsc');
  const schema = avsc.Type.forSchema(JSON.parse(JSON.stringify(schemaOf(type))));
  return JSON.parse(JSON.stringify(schema.fromBuffer(value)));
}

/** A Python with fastavro, made once in `.kandle`. */
async function installFastavro(): Promise<string> {
  const venv = join(KANDLE_FOLDER, 'fastavro');
  const python = join(venv, 'bin', 'python');
  if (!existsSync(join(venv, 'done'))) {
    rmSync(venv, { recursive: true, force: true });
    mkdirSync(KANDLE_FOLDER, { recursive: true });
    await run('python3', ['-m', 'venv', venv]);
    const requirements = join(import.meta.dirname, 'readers', 'requirements.txt');
    await run(python, ['-m', 'pip', 'install', '--quiet', '--requirement', requirements]);
    writeFileSync(join(venv, 'done'), '');
  }
  return python;
}
