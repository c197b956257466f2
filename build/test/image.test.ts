import { once } from 'node:events';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { nodeMemoryOptions } from '@kandle/knative/memory';
import type { ServicePlan } from '@kandle/knative/plan';
import { readPlan } from '@kandle/knative/read-plan';
import type { MarketEvent } from '@kandle/market/event/market-event';
import { e8 } from '@kandle/market/number/fixed-point';
import { formatRawTrades } from '@kandle/testkit/raw-trades';
import { CassandraEnv, createCassandra } from '@kandle/runtime/cassandra';
import { createKafka, KafkaEnv } from '@kandle/runtime/kafka';
import { createLogger } from '@kandle/runtime/log';
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test, vi } from 'vitest';
import { FIRST_EVENTS, postEvent } from '@kandle/testkit/first-events';
import { freePort } from '@kandle/servers/ports/ports';
import { createTopics } from '@kandle/servers/kafka/create-topics';
import { ROOT } from '../bundle.ts';
import { assembleImage } from '../image.ts';
import { programFolder, runAsImage, UID, whyNoSandbox } from './sandbox.ts';

const reason = whyNoSandbox();
const stamp = Date.now();
const keyspace = `image_${stamp}`;
const brokers = inject('kafkaBrokers');
const { contactPoints, port: cassandraPort } = inject('cassandra');
const kafka = createKafka(
  KafkaEnv.parse({ KAFKA_BROKERS: brokers.join(',') }),
  'image-test',
  createLogger('image-test', 'silent'),
);
const connection = {
  CASSANDRA_CONTACT_POINTS: contactPoints.join(','),
  CASSANDRA_PORT: String(cassandraPort),
  CASSANDRA_KEYSPACE: keyspace,
};
const TOPICS = {
  RAW_TOPIC: `image.${stamp}.raw`,
  TRADES_TOPIC: `image.${stamp}.trades`,
  REJECTS_TOPIC: `image.${stamp}.rejects`,
  CANDLES_TOPIC: `image.${stamp}.candles`,
};
const cassandra = createCassandra(CassandraEnv.parse(connection), { useKeyspace: false });
const images = mkdtempSync(join(tmpdir(), 'kandle-images-'));
const pids: number[] = [];

/** The image's files of a part, as its user may read them. */
async function imageOf(name: string): Promise<string> {
  const folder = join(images, name);
  await assembleImage(name, folder);
  execFileSync('chmod', ['-R', 'a+rX', images]);
  return folder;
}

/** Starts a part as its image would; ended when the test ends. */
function start(
  app: string,
  env: Readonly<Record<string, string>>,
  args: readonly string[] = ['/app/start.cjs'],
): ReturnType<typeof runAsImage>['child'] {
  const { child, end } = runAsImage(app, args, env);
  onTestFinished(end);
  if (child.pid !== undefined) pids.push(child.pid);
  return child;
}

/** A batch of as many trades as a batch may have, in ten windows and of twenty symbols. */
function fullBatch(sequence: number): MarketEvent {
  const startMs = stamp - (stamp % 60_000);
  return formatRawTrades({
    shard: 'image-00',
    epoch: stamp,
    sequence,
    watermarkMs: startMs,
    ingestTimeMs: startMs,
    trades: Array.from({ length: 1_000 }, (_, n) => ({
      id: `t${sequence}.${n}`,
      symbol: `SIM:SYMBOL${n % 20}`,
      eventTimeMs: startMs + n * 50,
      priceE8: e8(10_000_000_000n + BigInt(n)),
      sizeE8: e8(100_000_000n),
    })),
  });
}

/** A line of `/proc/<pid>/status`, such as `VmHWM`. */
function status(pid: number, field: string): string {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8');
  return new RegExp(`^${field}:\\s*(.+)$`, 'm').exec(text)?.[1] ?? '';
}

/** What a function's manifest says. */
async function planOf(name: string): Promise<ServicePlan> {
  const found = (await readPlan()).services.find((service) => service.name === name);
  if (found === undefined) throw new Error(`There is no ${name}`);
  return found;
}

/** The memory limit of a function's manifest, KiB. */
async function memoryLimitKb(name: string): Promise<number> {
  return ((await planOf(name)).memoryMb ?? 0) * 1_024;
}

describe.skipIf(reason !== null)(`the images${reason === null ? '' : ` (skipped: ${reason})`}`, () => {
  beforeAll(async () => {
    const admin = kafka.admin();
    await admin.connect();
    await createTopics(
      admin,
      Object.values(TOPICS).map((topic) => ({ topic, partitions: 1, config: {} })),
    );
    await admin.disconnect();
  });

  afterAll(async () => {
    await cassandra.execute(`DROP KEYSPACE IF EXISTS ${keyspace}`);
    await cassandra.shutdown();
    rmSync(images, { recursive: true, force: true });
  });

  test('their world has no shell, nothing to write to, and a user without rights', async () => {
    const app = programFolder(`
      const { writeFileSync, readdirSync } = require('node:fs');
      const { spawnSync } = require('node:child_process');
      const write = (path) => { try { writeFileSync(path, ''); return 'written'; } catch (error) { return error.code; } };
      const run = (program) => spawnSync(program).error?.code ?? 'ran';
      console.log(JSON.stringify({
        uid: process.getuid(), groups: process.getgroups(), cwd: process.cwd(), root: readdirSync('/').sort(),
        write: ['/app/x', '/x', '/tmp/x', '/etc/x'].map(write), run: ['sh', '/bin/sh', 'env', 'npm'].map(run),
      }));`);
    onTestFinished(() => rmSync(app, { recursive: true, force: true }));
    const child = start(app, {}, ['/app/index.cjs']);
    let text = '';
    child.stdout?.on('data', (chunk: Buffer) => (text += chunk.toString()));
    await once(child, 'close');
    expect(JSON.parse(text)).toEqual({
      uid: UID,
      groups: [UID],
      cwd: '/app',
      root: ['app', 'dev', 'etc', 'lib', 'lib64', 'nodejs', 'proc', 'tmp'].filter(
        (name) => name !== 'lib64' || process.arch === 'x64',
      ),
      write: ['EROFS', 'EROFS', 'EROFS', 'EROFS'],
      run: ['ENOENT', 'ENOENT', 'ENOENT', 'ENOENT'],
    });
  });

  test('schema applies cql/ of its own image', async () => {
    const app = await imageOf('schema');
    const child = start(app, {
      ...connection,
      KAFKA_BROKERS: brokers.join(','),
      CASSANDRA_REPLICATION: "{'class': 'NetworkTopologyStrategy', 'datacenter1': 1}",
    });
    let text = '';
    child.stderr?.on('data', (chunk: Buffer) => (text += chunk.toString()));
    expect(await once(child, 'close')).toEqual([0, null]);
    for (const step of readdirSync(join(ROOT, 'cql')).filter((file) => /^\d+-.*\.cql$/.test(file)))
      expect(text).toContain(`"${step}"`);
  });

  test.each(['transform', 'aggregate', 'persist'])(
    '%s answers an event with 204 within its memory, and ends in order',
    async (name) => {
      const app = await imageOf(name);
      expect(readdirSync(app).toSorted()).toEqual([
        'LICENSES.txt',
        'index.cjs',
        'sbom.cdx.json',
        'start.cjs',
      ]);
      const port = await freePort();
      const child = start(app, {
        PORT: String(port),
        LOOPBACK_ONLY: 'true',
        KAFKA_BROKERS: brokers.join(','),
        ...(name === 'transform' ? {} : connection),
        ...TOPICS,
      });
      let log = '';
      child.stderr?.on('data', (chunk: Buffer) => (log += chunk.toString()));
      const event = FIRST_EVENTS.get(name)?.(pids.length);
      if (event === undefined) throw new Error(`There is no event for ${name}`);
      let answered: number | null = null;
      while (answered !== 204) {
        if (child.exitCode !== null) throw new Error(`${name} ended: ${log}`);
        answered = await postEvent(port, event);
        if (answered !== 204) await sleep(50);
      }
      const pid = child.pid ?? 0;
      expect(status(pid, 'Uid').split('\t')).toEqual(Array.from({ length: 4 }, () => String(UID)));
      expect(status(pid, 'CapEff')).toBe('0000000000000000');
      expect(status(pid, 'NoNewPrivs')).toBe('1');
      expect(Number.parseInt(status(pid, 'VmHWM'), 10)).toBeLessThan(await memoryLimitKb(name));
      child.kill('SIGTERM');
      expect(await once(child, 'close')).toEqual([0, null]);
    },
  );

  test('persist takes as many full batches at once as its manifest lets in, within its memory', async () => {
    const { containerConcurrency, memoryMb, env } = await planOf('persist');
    const port = await freePort();
    const child = start(
      await imageOf('persist'),
      {
        MAX_IN_FLIGHT: String(env['MAX_IN_FLIGHT']),
        PORT: String(port),
        LOOPBACK_ONLY: 'true',
        ...connection,
      },
      [...nodeMemoryOptions(memoryMb), '/app/start.cjs'],
    );
    await vi.waitFor(async () => expect(await postEvent(port, fullBatch(0))).toBe(204), 60_000);
    const answers = new Map<number | null, number>();
    let sequence = 0;
    const sendSome = async (): Promise<void> => {
      while (sequence < 3 * containerConcurrency) {
        sequence += 1;
        const answer = await postEvent(port, fullBatch(sequence));
        answers.set(answer, (answers.get(answer) ?? 0) + 1);
      }
    };
    await Promise.all(Array.from({ length: containerConcurrency }, sendSome));
    expect(answers).toEqual(new Map([[204, 3 * containerConcurrency]]));
    const peakKb = Number.parseInt(status(child.pid ?? 0, 'VmHWM'), 10);
    expect(peakKb).toBeLessThan(await memoryLimitKb('persist'));
  });

  test('generator and ingest: what one sends the other writes, as images without a file to write to', async () => {
    const [port, httpPort] = [await freePort(), await freePort()];
    const generator = await imageOf('generator');
    start(generator, {}, ['/app/start.cjs', '--listen', `127.0.0.1:${port}`, '--trades']);
    start(await imageOf('ingest'), {
      VENDOR: 'ndjson',
      FEED: 'generated',
      FEED_URL: `tcp://127.0.0.1:${port}`,
      NDJSON_MAPPING: 'trades',
      KAFKA_BROKERS: brokers.join(','),
      RAW_TOPIC: TOPICS.RAW_TOPIC,
      REJECTS_TOPIC: TOPICS.REJECTS_TOPIC,
      HTTP_PORT: String(httpPort),
    });
    await vi.waitFor(
      async () => {
        const status = await (await fetch(`http://127.0.0.1:${httpPort}/status`)).json();
        expect(status).toMatchObject({ connected: true, rejected: 0 });
        expect(Object(status).sentRecords).toBeGreaterThan(20);
      },
      { timeout: 30_000, interval: 200 },
    );
  });
});
