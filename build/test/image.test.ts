import { once } from 'node:events';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readPlan } from '@kandle/knative/read-plan';
import { CassandraEnv, createCassandra } from '@kandle/runtime/cassandra';
import { createKafka, KafkaEnv } from '@kandle/runtime/kafka';
import { createLogger } from '@kandle/runtime/log';
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest';
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
  entry = '/app/start.cjs',
): ReturnType<typeof runAsImage>['child'] {
  const { child, end } = runAsImage(app, [entry], env);
  onTestFinished(end);
  if (child.pid !== undefined) pids.push(child.pid);
  return child;
}

/** A line of `/proc/<pid>/status`, such as `VmHWM`. */
function status(pid: number, field: string): string {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8');
  return new RegExp(`^${field}:\\s*(.+)$`, 'm').exec(text)?.[1] ?? '';
}

/** The memory limit of a function's manifest, KiB. */
async function memoryLimitKb(name: string): Promise<number> {
  const { services } = await readPlan();
  return (services.find((service) => service.name === name)?.memoryMb ?? 0) * 1_024;
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
    const child = start(app, {}, '/app/index.cjs');
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
    for (const step of readdirSync(join(ROOT, 'cql')).filter((file) => file.endsWith('.cql')))
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
});
