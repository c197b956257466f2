import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { archiveClosedHours } from '@kandle/archive/archive';
import { createAvroReader } from '@kandle/audit/avro-data';
import { main as backfill } from '@kandle/backfill/main';
import { createTopicBrowser } from '@kandle/local/console/topic-browser';
import { runShadow } from '@kandle/local/shadow/run-shadow';
import { createKafkaWatch } from '@kandle/local/view/kafka-watch';
import { AVRO_SCHEMAS, type AvroRecord, subjectOf } from '@kandle/market/avro/schemas';
import { shardOf } from '@kandle/market/event/shard';
import { EVENT_TYPES, TOPICS } from '@kandle/market/event/topics';
import { formatFeedGap } from '@kandle/market/feed/feed-gap';
import { AvroEnv } from '@kandle/runtime/avro/avro-env';
import { createAvroEvents } from '@kandle/runtime/avro/avro-events';
import { CassandraEnv } from '@kandle/runtime/cassandra';
import { readEnv } from '@kandle/runtime/config';
import { createEventProducer } from '@kandle/runtime/event-producer';
import { createKafka, KafkaEnv } from '@kandle/runtime/kafka';
import { createLogger } from '@kandle/runtime/log';
import { createTopics } from '@kandle/servers/kafka/create-topics';
import { freePort } from '@kandle/servers/ports/ports';
import type { Pipeline } from '@kandle/stand-in/pipeline';
import { type FunctionProcess, startFunction } from '@kandle/testkit/function-process';
import { REPO_ROOT } from '@kandle/tooling/paths';
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest';
import { BEGIN_MS, edgeFrames } from './avro/edge-frames.ts';
import { readAvro } from './avro/read-avro.ts';
import { avroEnv, schemaOf, startTestRegistry, type TestRegistry } from './avro/registry.ts';
import { expectCleanAudit } from './clean-audit.ts';
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
        await readByOthers(pipeline, { keyspace, file, queryPort });
      },
    });
    expect(retries).toBeGreaterThan(0);
    expect(avro.deadLetters).toBe(0);
    expect(avro.candles).toBe(json.candles);
    expect(avro.trades).toBe(json.trades);
    expect(sums).toEqual(expected);
  });
});

/** What reads topics without a KafkaSource: the live view, the console, backfill, archive, audit and shadow. */
async function readByOthers(
  pipeline: Pipeline,
  { keyspace, file, queryPort }: Readonly<Record<'keyspace' | 'file', string> & { queryPort: number }>,
): Promise<void> {
  const prefix = `${keyspace}.`;
  const rawTopic = prefix + TOPICS.raw;
  const env = {
    ...avroEnv(server.url, prefix),
    KAFKA_BROKERS: inject('kafkaBrokers').join(','),
    RAW_TOPIC: rawTopic,
    REDRIVEN_TOPIC: prefix + TOPICS.redriven,
    HORIZON_MS: '1000',
  };
  const settings = readEnv(AvroEnv, env);
  const events = createAvroEvents(settings);
  const kafka = createKafka(KafkaEnv.parse(env), keyspace, createLogger(keyspace, 'silent'));
  const [producer, admin] = [createEventProducer(kafka, events), kafka.admin()];
  const browser = createTopicBrowser(kafka, events);
  await admin.connect();
  onTestFinished(() => admin.disconnect());
  onTestFinished(() => producer.close());
  onTestFinished(() => browser.close());

  // A gap of which nothing is missing: its windows are told again, as incomplete.
  const watch = await createKafkaWatch(inject('kafkaBrokers'), watchedOf(prefix), true, events);
  onTestFinished(() => watch.close());
  await watch.start();
  const ended = new AbortController();
  onTestFinished(() => ended.abort());
  const stream = await openStream(queryPort, ended.signal);
  const fromMs = BEGIN_MS + 20_000;
  const shard = shardOf('finnhub', 'AAPL', 4);
  const gap = { shard, fromMs, toMs: fromMs + 2_000, reason: 'silent', droppedRecords: 0 } as const;
  await producer.send(rawTopic, [formatFeedGap(gap, 1)]);
  while (!(await pipeline.isAtRest())) await sleep(100);
  await watch.catchUp(30_000);
  expect(watch.board.finalCandles()).toBeGreaterThan(0);
  expect(await stream.until('candles')).toContain('"symbol":"AAPL"');
  const [newest] = await browser.events(rawTopic, 1);
  expect(JSON.parse(newest?.value ?? '')).toEqual(gap);

  const said: string[] = [];
  const output = { print: (text: string) => said.push(text), progress: (text: string) => said.push(text) };
  expect(await backfill(['--from-recording', file, '--write'], env, output), said.join('\n')).toBe(0);
  expect(said.join('\n')).toMatch(/ filled: 0 trades brought, [1-9]\d* counted already/);
  while (!(await pipeline.isAtRest())) await sleep(100);

  const archiveFolder = join(running.folder, 'archive');
  await archiveClosedHours({
    kafka,
    topic: rawTopic,
    folder: archiveFolder,
    group: `${keyspace}-archive`,
    closeAfterMs: 1,
    readMs: 60_000,
    wallMs: () => Date.now() + 7_200_000,
    onHour: () => undefined,
  });
  const ends = await admin.fetchTopicOffsets(rawTopic);
  const partitions = ends.map(({ partition, high }) => ({ partition, offset: high }));
  await admin.deleteTopicRecords({ topic: rawTopic, partitions });
  const { read } = await expectCleanAudit(keyspace, { archiveFolder, avro: createAvroReader(settings) });
  expect(read.trades).toBe(edgeFrames().length);
  await expect(expectCleanAudit(keyspace, { archiveFolder })).rejects.toThrow(
    'SCHEMA_REGISTRY_URL is not set',
  );
  const { contactPoints, port } = inject('cassandra');
  const report = await runShadow({
    kafka: KafkaEnv.parse(env),
    cassandra: CassandraEnv.parse({
      CASSANDRA_CONTACT_POINTS: contactPoints.join(','),
      CASSANDRA_PORT: String(port),
      CASSANDRA_KEYSPACE: keyspace,
    }),
    prefix,
    name: 'avro',
    fromMs: BEGIN_MS,
    toMs: BEGIN_MS + 60_000,
    rules: null,
    graceMs: null,
    archiveFolder,
    avro: events,
    logFolder: join(running.folder, 'shadow'),
    say: () => undefined,
  });
  await pipeline.client.execute(`DROP KEYSPACE ${report.keyspace}`, [], { readTimeout: 60_000 });
  expect(report).toMatchObject({ differences: [], more: 0, doubts: [] });
  expect(report.same).toBeGreaterThan(30);
}

/** Listens to query's stream; resolves when it has begun. */
async function openStream(
  port: number,
  signal: AbortSignal,
): Promise<{ until(event: string): Promise<string> }> {
  const { body } = await fetch(`http://127.0.0.1:${port}/v1/stream?symbol=AAPL&kind=candles`, { signal });
  if (body === null) throw new Error('no stream');
  const pieces = body.pipeThrough(new TextDecoderStream())[Symbol.asyncIterator]();
  let text = '';
  const until = async (event: string): Promise<string> => {
    const whole = new RegExp(`^event: ${event}\n(?:.+\n)*\n`, 'm');
    for (;;) {
      const [found] = whole.exec(text) ?? [];
      if (found !== undefined) return found;
      const { value, done } = await pieces.next();
      if (done === true) throw new Error(`the stream ended: ${text}`);
      text += value;
    }
  };
  await until('begin');
  return { until };
}

function watchedOf(prefix: string): Parameters<typeof createKafkaWatch>[1] {
  const { candles, signals, rejects, dead } = TOPICS;
  return {
    candles: prefix + candles,
    signals: prefix + signals,
    rejects: prefix + rejects,
    dead: prefix + dead,
  };
}

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
