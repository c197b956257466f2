/**
 * Question: how long does a function take from spawn to its first 204, with the effect of a real event durable;
 * and query to its first answer, with rows of Cassandra?
 *
 * Beside a bare `node:http` server in the same run, round by round, so that a busy moment hits all alike. Real
 * Kafka and Cassandra: those of `KANDLE_TEST_SERVERS`, or its own. After the run it counts in them what the
 * answers promised.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MarketEvent } from '@kandle/market/event/market-event';
import { CassandraEnv, createCassandra } from '@kandle/runtime/cassandra';
import type { AvroEvents } from '@kandle/runtime/avro/avro-events';
import { defineCommand, flag, option, text, UsageError, wholeNumber } from '@kandle/tooling/command';
import { readEnv } from '@kandle/runtime/config';
import { createKafka, KafkaEnv } from '@kandle/runtime/kafka';
import { createLogger } from '@kandle/runtime/log';
import { laptopSchemaValues, migrate } from '@kandle/runtime/migrate';
import { bundleFunction } from '@kandle/build/bundle';
import { REPO_ROOT } from '@kandle/tooling/paths';
import { freePort } from '@kandle/servers/ports/ports';
import { createTopics } from '@kandle/servers/kafka/create-topics';
import { type BenchRun, runBench } from './command.ts';
import { FIRST_EVENTS, postEvent } from '@kandle/testkit/first-events';
import { type BenchRegistry, benchRegistry } from './registry.ts';
import { type BenchServers, benchServers } from './servers.ts';
import { quantile } from './statistics.ts';

/** Takes no events: it is asked, and answers 200 with what Cassandra holds. */
const QUERY = 'query';
const NAMES = [...FIRST_EVENTS.keys(), QUERY];

const COMMAND = defineCommand({
  name: 'npm run bench:cold-start',
  about: `Measures spawn to the first 204 of a real event for each function, and of query to its first answer: from source, as a bundle, and as a bundle with
compiled code, beside a bare node:http server. Medians of all rounds.`,
  options: {
    rounds: option('N', 'how often each', wholeNumber(1, 1_000), '11'),
    only: option('NAMES', 'functions, with commas between', functionNames, NAMES.join(',')),
    avro: flag('with a schema registry too: the event and what the function sends are Avro'),
    json: option('FILE', 'where every time goes', text),
  },
  notes:
    'KANDLE_TEST_SERVERS: the folder in which "npm run servers" keeps a Kafka and a Cassandra, to use those.',
});

const BARE = 'bare node:http';
const DEADLINE_MS = 20_000;
const TOPIC_NAMES = ['market.trades.v1', 'market.candles.v1', 'market.signals.v1', 'market.rejects.v1'];

let told = 0;

/** The port of a target of notify, which counts what it is told. */
async function listenForNotices(): Promise<number> {
  const target = createServer((request, response) => {
    told += 1;
    request.resume();
    response.writeHead(204).end();
  });
  target.listen(0, '127.0.0.1').unref();
  await once(target, 'listening');
  const address = target.address();
  if (address === null || typeof address === 'string') throw new Error('Cannot listen for notices');
  return address.port;
}

interface Case {
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly name: string;
  /** Writes its event as Avro; JSON without it. */
  readonly avro?: AvroEvents;
}

/** What the functions run on. */
interface Rig {
  readonly folder: string;
  readonly keyspace: string;
  readonly prefix: string;
  readonly serverEnv: Readonly<Record<string, string>>;
  readonly client: ReturnType<typeof createCassandra>;
  readonly admin: ReturnType<ReturnType<typeof createKafka>['admin']>;
}

async function createRig(servers: BenchServers): Promise<Rig> {
  const keyspace = `bench_cold_${process.pid}`;
  const prefix = `cold${process.pid}.`;
  const serverEnv: Record<string, string> = {
    KAFKA_BROKERS: servers.kafkaBrokers.join(','),
    CASSANDRA_CONTACT_POINTS: servers.cassandra.contactPoints.join(','),
    CASSANDRA_PORT: String(servers.cassandra.port),
    CASSANDRA_LOCAL_DATACENTER: servers.cassandra.localDataCenter,
    CASSANDRA_KEYSPACE: keyspace,
    TRADES_TOPIC: `${prefix}market.trades.v1`,
    CANDLES_TOPIC: `${prefix}market.candles.v1`,
    SIGNALS_TOPIC: `${prefix}market.signals.v1`,
    REJECTS_TOPIC: `${prefix}market.rejects.v1`,
    // Whom notify tells: answers at once.
    K_SINK: `http://127.0.0.1:${await listenForNotices()}/`,
  };
  return {
    folder: mkdtempSync(join(tmpdir(), 'kandle-cold-start-')),
    keyspace,
    prefix,
    serverEnv,
    client: createCassandra(readEnv(CassandraEnv, serverEnv), { useKeyspace: false }),
    admin: createKafka(readEnv(KafkaEnv, serverEnv), 'bench', createLogger('bench', 'silent')).admin(),
  };
}

let sequence = 0;

function firstEvent(name: string): MarketEvent {
  sequence += 1;
  const event = FIRST_EVENTS.get(name)?.(sequence);
  if (event === undefined) throw new RangeError(`Cannot measure ${name}: there is no event for it`);
  return event;
}

/** What a function's first request is: its status, 204 for an answer as it should be; null for none yet. */
async function firstCall(
  name: string,
  avro: AvroEvents | undefined,
): Promise<(port: number) => Promise<number | null>> {
  if (name === QUERY) return askSymbols;
  const event = firstEvent(name);
  const [message] = (await avro?.toMessages([event])) ?? [];
  if (message === undefined) return (port) => postEvent(port, event);
  const value = Buffer.from(message.value ?? '');
  return (port) => postEvent(port, event, { value, dataschema: String(message.headers?.['ce_dataschema']) });
}

/** 204 if the symbols come, each read from Cassandra. */
function askSymbols(port: number): Promise<number | null> {
  return new Promise((resolve) => {
    const asked = get({ host: '127.0.0.1', port, path: '/v1/symbols', agent: false }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
      response.once('end', () =>
        resolve(response.statusCode === 200 && body.includes('"rows"') ? 204 : (response.statusCode ?? null)),
      );
      response.once('error', () => resolve(null));
    });
    asked.once('error', () => resolve(null));
  });
}

interface Start {
  readonly wallMs: number;
  /**
   * What the main thread computed, which a busy machine delays but hardly changes. NaN where there is no /proc.
   */
  readonly cpuMs: number;
}

function mainThreadCpuMs(pid: number | undefined): number {
  try {
    return Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[0]) / 1e6;
  } catch {
    return Number.NaN;
  }
}

/** Milliseconds from spawn to the first 204. @throws {Error} If there is none in time. */
async function measure({ serverEnv }: Rig, { args, env, name, avro }: Case): Promise<Start> {
  const port = await freePort();
  const ask = await firstCall(name === BARE ? 'transform' : (name.split(',')[0] ?? ''), avro);
  const startedMs = performance.now();
  const child = spawn(process.execPath, args, {
    env: {
      PATH: process.env['PATH'],
      LOG_LEVEL: 'warn',
      LOOPBACK_ONLY: 'true',
      ...serverEnv,
      ...env,
      PORT: String(port),
    },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  try {
    for (;;) {
      const status = await ask(port);
      if (status === 204) return { wallMs: performance.now() - startedMs, cpuMs: mainThreadCpuMs(child.pid) };
      if (status !== null && status !== 503) throw new Error(`${name} answered ${status}`);
      if (performance.now() - startedMs > DEADLINE_MS) throw new Error(`${name} did not answer in time`);
      await sleep(1);
    }
  } finally {
    child.kill('SIGKILL');
  }
}

/** Lets a bundle take one event and end in order, so that it leaves the code that V8 compiled of it. */
async function fillCache(
  { serverEnv }: Rig,
  name: string,
  { args, env, avro }: Pick<Case, 'args' | 'env' | 'avro'>,
): Promise<void> {
  const port = await freePort();
  const child = spawn(process.execPath, args, {
    env: { PATH: process.env['PATH'], LOG_LEVEL: 'error', ...serverEnv, PORT: String(port), ...env },
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const ask = await firstCall(name, avro);
  for (let status: number | null = null; status !== 204; status = await ask(port)) await sleep(20);
  child.kill('SIGTERM');
  await ended;
}

async function casesOf(
  rig: Rig,
  names: readonly string[],
  registry: BenchRegistry | null,
): Promise<readonly Case[]> {
  const bare = join(rig.folder, 'bare.cjs');
  writeFileSync(
    bare,
    "require('node:http').createServer((q, s) => { q.resume(); s.writeHead(204).end(); }).listen(process.env.PORT, '127.0.0.1');",
  );
  const cases: Case[] = [{ name: BARE, args: [bare], env: {} }];
  for (const name of names) {
    cases.push({
      name: `${name}, source`,
      args: [join(REPO_ROOT, 'functions', name, 'src/index.ts')],
      env: {},
    });
    const { file } = await bundleFunction(name, rig.folder);
    cases.push({ name: `${name}, bundle`, args: [file], env: {} });
    const start = join(rig.folder, name, 'start.cjs');
    const compiled = { args: [start], env: { CODE_CACHE: join(rig.folder, name, 'index.cache') } };
    await fillCache(rig, name, compiled);
    cases.push({ name: `${name}, bundle with compiled code`, ...compiled });
    if (registry === null || name === QUERY) continue;
    const asAvro = {
      args: [start],
      env: { CODE_CACHE: join(rig.folder, name, 'avro.cache'), ...registry.envOf(rig.prefix) },
      avro: registry.eventsOf(rig.prefix),
    };
    await fillCache(rig, name, asAvro);
    cases.push({ name: `${name}, the same as Avro`, ...asAvro });
  }
  return cases;
}

/** The effects that the answers promised, counted in the servers. */
async function countEffects({ client, admin, keyspace, prefix }: Rig): Promise<string> {
  const count = async (table: string): Promise<number> =>
    (await client.execute(`SELECT shard FROM ${keyspace}.${table}`, [], { fetchSize: 100_000 })).rowLength;
  const stored = (await client.execute(`SELECT id FROM ${keyspace}.trades`, [], { fetchSize: 100_000 }))
    .rowLength;
  const offsets = await admin.fetchTopicOffsets(`${prefix}market.trades.v1`);
  const sent = offsets.reduce((sum, { high }) => sum + Number(high), 0);
  const states = await count('state_windows');
  return `${sent} clean batches in Kafka, ${await count('windows')} windows, ${stored} trades and ${states} windows of indicators in Cassandra, ${told} notices`;
}

await runBench(COMMAND, coldStart);

async function coldStart({ options, say, signal }: BenchRun<typeof COMMAND.options>): Promise<boolean> {
  const { rounds, only: names, json: jsonFile } = options;
  const servers = await benchServers('bench', say, signal);
  const rig = await createRig(servers);
  const { client, admin, keyspace, prefix, folder } = rig;
  const topics = TOPIC_NAMES.map((topic) => prefix + topic);
  const registry = options.avro ? await benchRegistry(say, signal) : null;
  try {
    await admin.connect();
    await createTopics(
      admin,
      topics.map((topic) => ({ topic, partitions: 12, config: {} })),
    );
    await migrate(client, join(REPO_ROOT, 'cql'), laptopSchemaValues(keyspace));
    const cases = await casesOf(rig, names, registry);
    const times = new Map(cases.map(({ name }) => [name, [] as Start[]]));
    for (let round = 1; round <= rounds; round++) {
      for (const one of cases) {
        signal.throwIfAborted();
        times.get(one.name)?.push(await measure(rig, one));
      }
      say(`  round ${round} of ${rounds}`);
    }
    for (const line of tableOf(times)) console.log(line);
    console.log(await countEffects(rig));
    if (jsonFile !== null) writeFileSync(jsonFile, JSON.stringify(Object.fromEntries(times)));
    return true;
  } finally {
    await client
      .execute(`DROP KEYSPACE IF EXISTS ${keyspace}`, [], { prepare: false })
      .catch(() => undefined);
    await admin.deleteTopics({ topics }).catch(() => undefined);
    await Promise.all([client.shutdown(), admin.disconnect()]);
    await registry?.close();
    await servers.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

function functionNames(given: string): readonly string[] {
  const names = given.split(',');
  const unknown = names.find((name) => !NAMES.includes(name));
  if (unknown !== undefined) throw new UsageError(`--only ${unknown}: expected some of ${NAMES.join(', ')}`);
  return names;
}

function tableOf(times: ReadonlyMap<string, readonly Start[]>): readonly string[] {
  const median = (name: string, of: keyof Start): number =>
    quantile(
      (times.get(name) ?? []).map((one) => one[of]),
      0.5,
    );
  const shown = (name: string, of: keyof Start): string =>
    `${median(name, of).toFixed(0).padStart(6)} ms ${(median(name, of) / median(BARE, of)).toFixed(1).padStart(5)} ×`;
  const rows = [...times].map(([name, all]) => {
    const best = Math.min(...all.map(({ wallMs }) => wallMs)).toFixed(0);
    return `${name.padEnd(36)} ${shown(name, 'wallMs')} ${shown(name, 'cpuMs')} ${best.padStart(8)} ms`;
  });
  return [
    `${'median of'.padEnd(36)} ${'wall clock'.padStart(17)} ${'main thread'.padStart(17)}  best wall`,
    ...rows,
  ];
}
