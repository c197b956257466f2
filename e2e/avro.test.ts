import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { AVRO_SCHEMAS, type AvroRecord, subjectOf } from '@kandle/market/avro/schemas';
import { EVENT_TYPES, TOPICS } from '@kandle/market/event/topics';
import { AvroEnv } from '@kandle/runtime/avro/avro-env';
import { createAvroEvents } from '@kandle/runtime/avro/avro-events';
import { readEnv } from '@kandle/runtime/config';
import { createKafka, KafkaEnv } from '@kandle/runtime/kafka';
import { createLogger } from '@kandle/runtime/log';
import { createTopics } from '@kandle/servers/kafka/create-topics';
import { freePort } from '@kandle/servers/ports/ports';
import type { Pipeline } from '@kandle/stand-in/pipeline';
import { type FunctionProcess, startFunction } from '@kandle/testkit/function-process';
import { REPO_ROOT } from '@kandle/tooling/paths';
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest';
import { edgeFrames } from './avro/edge-frames.ts';
import { readAvro } from './avro/read-avro.ts';
import { readByOthers } from './avro/read-by-others.ts';
import { avroEnv, schemaOf, startTestRegistry, type TestRegistry } from './avro/registry.ts';
import { writeRecording } from './recording.ts';
import { runReplay } from './run-replay.ts';

const run = promisify(execFile);
const TRANSFORM = join(REPO_ROOT, 'functions', 'transform', 'src', 'index.ts');

let running: TestRegistry;
let server: TestRegistry['server'];
let registry: TestRegistry['registry'];
let proxy: TestRegistry['proxy'];
/** The registry through the proxy, so that it can be away. */
let url: string;

beforeAll(async () => {
  running = await startTestRegistry();
  ({ server, registry, proxy, url } = running);
});
afterAll(() => running?.close());

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
  const tradesTopic = `avro-${Date.now()}`;
  const admin = createKafka(
    KafkaEnv.parse({ KAFKA_BROKERS: inject('kafkaBrokers').join(',') }),
    tradesTopic,
    createLogger(tradesTopic, 'silent'),
  ).admin();
  beforeAll(async () => {
    await admin.connect();
    await createTopics(admin, [{ topic: tradesTopic, partitions: 1 }]);
  });
  afterAll(async () => {
    await admin.deleteTopics({ topics: [tradesTopic] });
    await admin.disconnect();
  });

  const gap = { shard: 'finnhub-00', fromMs: 1, toMs: 2, reason: 'silent', droppedRecords: 0 };

  async function startTransform(env: Readonly<Record<string, string>>): Promise<{
    readonly process: FunctionProcess;
    send(headers: Readonly<Record<string, string>>, body: Buffer): Promise<{ status: number; text: string }>;
  }> {
    const port = await freePort();
    const process = await startFunction(TRANSFORM, port, {
      KAFKA_BROKERS: inject('kafkaBrokers').join(','),
      TRADES_TOPIC: tradesTopic,
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
    expect((await send(headers, body)).status).toBe(204);
  });

  test('it reads both framings, and answers 422 with the id to a schema that nobody knows', async () => {
    const { send } = await startTransform({ SCHEMA_REGISTRY_URL: url });
    for (const framing of ['dataschema', 'prefix'] as const) {
      const [headers, body] = await avroOf(framing);
      expect((await send(headers, body)).status).toBe(204);
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

describe('the pipeline', () => {
  test('it ends with the same bytes as with JSON, and others read its topics, when they are Avro and functions start while the registry is away', async () => {
    const file = join(running.folder, 'edges.jsonl.gz');
    writeRecording(file, edgeFrames());
    let expected: readonly string[] = [];
    const json = await runReplay(file, {
      async after(pipeline, keyspace) {
        expected = await sumsOf(pipeline, keyspace);
      },
    });
    expect(json.rejects).toEqual([]);
    expect(expected).toEqual(
      expect.arrayContaining(['9007199254740993', 'CL=F from -37.63 to -1', '币安 from 1e-8 to 1e-8']),
    );
    expect(expected.some((text) => text.length >= 38)).toBe(true);
    let sums: readonly string[] = [];
    let retries = 0;
    // Ingest has its own way to the registry: there must be something for the functions to start for.
    proxy.setWeather({ kind: 'refused' });
    onTestFinished(() => proxy.setWeather({ kind: 'clear' }));
    const queryPort = await freePort();
    const avro = await runReplay(file, {
      queryPort,
      processEnv: (name, prefix) => avroEnv(name === 'ingest' || name === 'audit' ? server.url : url, prefix),
      async during(pipeline) {
        const count = (): number => pipeline.sources.reduce((sum, { stats }) => sum + stats.retries, 0);
        while (count() < 2) await sleep(20);
        retries = count();
        proxy.setWeather({ kind: 'clear' });
      },
      async after(pipeline, keyspace) {
        sums = await sumsOf(pipeline, keyspace);
        await readAvro([TOPICS.raw, TOPICS.trades, TOPICS.candles].map((topic) => `${keyspace}.${topic}`));
        await readByOthers(running, pipeline, { keyspace, file, queryPort });
      },
    });
    expect(retries).toBeGreaterThan(0);
    expect(avro.deadLetters).toBe(0);
    expect(avro.candles).toBe(json.candles);
    expect(avro.trades).toBe(json.trades);
    expect(sums).toEqual(expected);
  });
});

/** Volumes and notionals of the candles, exact, and the spans of their prices. */
async function sumsOf(pipeline: Pipeline, keyspace: string): Promise<readonly string[]> {
  const { rows } = await pipeline.client.execute(
    `SELECT symbol, low, high, volume_e8, notional_e16 FROM ${keyspace}.candles_5s`,
  );
  return rows
    .flatMap((row) => [
      String(row['volume_e8']),
      String(row['notional_e16']),
      `${row['symbol']} from ${row['low']} to ${row['high']}`,
    ])
    .toSorted();
}
