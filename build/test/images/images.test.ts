import { execFile, execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { readPlan } from '@kandle/knative/read-plan';
import { CassandraEnv, createCassandra } from '@kandle/runtime/cassandra';
import { createKafka, KafkaEnv } from '@kandle/runtime/kafka';
import { createLogger } from '@kandle/runtime/log';
import { createTopics } from '@kandle/servers/kafka/create-topics';
import { freePort } from '@kandle/servers/ports/ports';
import { FIRST_EVENTS, postEvent } from '@kandle/testkit/first-events';
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest';
import { ROOT } from '../../bundle.ts';

/**
 * `npm run test:images`: every image is built by knative/images.sh with a real engine and run as a cluster runs
 * it. IMAGE_ENGINE (podman), NODE_IMAGE and RUN_IMAGE (what images.sh is told), IMAGE_BUILD_OPTIONS (words for
 * the engine's build).
 */
const engine = process.env['IMAGE_ENGINE'] ?? 'podman';
const hasEngine = spawnSync(engine, ['info']).status === 0;
const REGISTRY = 'localhost';
const TAG = 'test';
const UID = '65532:65532';
const PARTS = [...readdirSync(join(ROOT, 'functions')), 'audit', 'generator'].toSorted();
const stamp = Date.now();
const keyspace = `images_${stamp}`;
const brokers = inject('kafkaBrokers').join(',');
const { contactPoints, port: cassandraPort, localDataCenter } = inject('cassandra');
const TOPICS = {
  RAW_TOPIC: `images.${stamp}.raw`,
  TRADES_TOPIC: `images.${stamp}.trades`,
  REJECTS_TOPIC: `images.${stamp}.rejects`,
  CANDLES_TOPIC: `images.${stamp}.candles`,
  SIGNALS_TOPIC: `images.${stamp}.signals`,
  BOOKS_TOPIC: `images.${stamp}.books`,
  NEWS_TOPIC: `images.${stamp}.news`,
};
const connection = {
  KAFKA_BROKERS: brokers,
  CASSANDRA_CONTACT_POINTS: contactPoints.join(','),
  CASSANDRA_PORT: String(cassandraPort),
  CASSANDRA_LOCAL_DATACENTER: localDataCenter,
  CASSANDRA_KEYSPACE: keyspace,
  CASSANDRA_REPLICATION: "{'class': 'NetworkTopologyStrategy', 'datacenter1': 1}",
};
const kafka = createKafka(
  KafkaEnv.parse({ KAFKA_BROKERS: brokers }),
  'images-test',
  createLogger('images-test', 'silent'),
);
const cassandra = createCassandra(CassandraEnv.parse(connection), { useKeyspace: false });

/** What was seen, printed as a table at the end and for docs/operations.md. */
const seen = new Map<string, { megabytes: number; readyMs?: number; stopMs?: number }>();

function run(...args: readonly string[]): string {
  return execFileSync(engine, args, { encoding: 'utf8' }).trim();
}

function imageOf(part: string): string {
  return `${REGISTRY}/kandle/${part}:${TAG}`;
}

/** Starts a container as every manifest wants it: nothing to write to, no rights, not root, bounded memory. */
function startContainer(part: string, env: Readonly<Record<string, string>>, memoryMb = 256): string {
  const id = run(
    'run',
    '--detach',
    '--read-only',
    '--read-only-tmpfs=false',
    '--network=host',
    '--cap-drop=ALL',
    '--security-opt=no-new-privileges',
    `--memory=${memoryMb}m`,
    ...envOf(env),
    imageOf(part),
  );
  onTestFinished(() => void spawnSync(engine, ['rm', '--force', '--time=0', id]));
  return id;
}

/** @throws {Error} If it does not end by itself: nothing else ends a test that waits for it. */
function exitCodeOf(id: string): number {
  return Number(execFileSync(engine, ['wait', id], { encoding: 'utf8', timeout: 60_000 }));
}

async function ready(id: string, port: number, path: string): Promise<void> {
  for (;;) {
    const answer = await fetch(`http://127.0.0.1:${port}${path}`).catch(() => null);
    if (answer?.status === 200) return;
    if (run('inspect', '--format={{.State.Running}}', id) !== 'true') throw new Error(run('logs', id));
    await sleep(20);
  }
}

async function rows(table: string): Promise<number> {
  const { rows: found } = await cassandra.execute(`SELECT * FROM ${keyspace}.${table} LIMIT 1`);
  return found.length;
}

async function records(topic: string): Promise<number> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    const offsets = await admin.fetchTopicOffsets(topic);
    return offsets.reduce((sum, { offset }) => sum + Number(offset), 0);
  } finally {
    await admin.disconnect();
  }
}

/** What is there, and was not before, once a function has answered its first event. */
const EFFECTS: ReadonlyMap<string, () => Promise<number>> = new Map([
  ['transform', () => records(TOPICS.TRADES_TOPIC)],
  ['aggregate', () => rows('windows')],
  ['persist', () => rows('trades')],
  ['signal', () => rows('state_windows')],
]);

describe.skipIf(!hasEngine)(
  `images by ${engine}${hasEngine ? '' : ' (skipped: there is no such engine here)'}`,
  () => {
    beforeAll(async () => {
      const bases = ['NODE_IMAGE', 'RUN_IMAGE'].flatMap((name) => {
        const image = process.env[name];
        return image === undefined ? [] : [`--${name.toLowerCase().replace('_', '-')}`, image];
      });
      const options = (process.env['IMAGE_BUILD_OPTIONS'] ?? '').split(' ').filter((word) => word !== '');
      await promisify(execFile)(
        join(ROOT, 'knative/images.sh'),
        ['--registry', REGISTRY, '--tag', TAG, '--engine', engine, ...bases, ...PARTS, '--', ...options],
        { maxBuffer: 1 << 28 },
      );
      const admin = kafka.admin();
      await admin.connect();
      await createTopics(
        admin,
        Object.values(TOPICS).map((topic) => ({ topic, partitions: 1, config: {} })),
      );
      await admin.disconnect();
      const id = run(
        'run',
        '--detach',
        '--read-only',
        '--network=host',
        ...envOf(connection),
        imageOf('schema'),
      );
      if (exitCodeOf(id) !== 0) throw new Error(run('logs', id));
      run('rm', id);
    }, 1_800_000);

    afterAll(async () => {
      await cassandra.execute(`DROP KEYSPACE IF EXISTS ${keyspace}`);
      await cassandra.shutdown();
      const lines = [...seen].map(
        ([part, { megabytes, readyMs, stopMs }]) =>
          `${part.padEnd(10)} ${megabytes.toFixed(0).padStart(5)} MB  ready ${readyMs?.toFixed(0) ?? '-'} ms  end ${stopMs?.toFixed(0) ?? '-'} ms`,
      );
      writeFileSync(1, `${lines.join('\n')}\n`);
    });

    test.each(PARTS)('%s: labels, user, no shell, bill of materials', (part) => {
      const [{ Config, Size }] = JSON.parse(run('image', 'inspect', imageOf(part))) as [
        { Config: { User: string; Labels: Record<string, string> }; Size: number },
      ];
      seen.set(part, { megabytes: Size / 1e6 });
      expect(Config.User).toBe(UID);
      expect(Config.Labels).toMatchObject({ 'org.opencontainers.image.title': `kandle/${part}` });
      const text = run(
        'run',
        '--rm',
        '--read-only',
        '--network=none',
        '--entrypoint=/nodejs/bin/node',
        imageOf(part),
        '-e',
        'process.stdout.write(require("fs").readFileSync("/app/sbom.cdx.json", "utf8"))',
      );
      const sbom = JSON.parse(text) as { bomFormat: string; components: readonly { name: string }[] };
      expect(sbom.bomFormat).toBe('CycloneDX');
      expect(sbom.components.map(({ name }) => name)).toContain(part === 'generator' ? 'pure-rand' : 'zod');
    });

    test.each([...FIRST_EVENTS.keys()])(
      '%s: ready, one event to its durable effect, and a clean end at SIGTERM, within its memory',
      async (name) => {
        const service = (await readPlan()).services.find((one) => one.name === name);
        if (service === undefined) throw new Error(`There is no ${name}`);
        const port = await freePort();
        const startedMs = performance.now();
        const id = startContainer(
          name,
          {
            ...service.env,
            ...connection,
            ...TOPICS,
            PORT: String(port),
            LOOPBACK_ONLY: 'true',
            // Mounted from a Secret or a ConfigMap on a cluster; without them nobody is told, by the rules in
            // the image.
            TARGETS_FILE: '',
            RULES_FILE: '',
          },
          service.memoryMb ?? 256,
        );
        await ready(id, port, service.readinessPath);
        const readyMs = performance.now() - startedMs;
        const event = FIRST_EVENTS.get(name)?.(1);
        if (event === undefined) throw new Error(`There is no event for ${name}`);
        expect(await postEvent(port, event)).toBe(204);
        const effect = EFFECTS.get(name);
        if (effect !== undefined) expect(await effect()).toBeGreaterThan(0);
        const stopMs = performance.now();
        run('kill', '--signal=TERM', id);
        expect(exitCodeOf(id)).toBe(0);
        const size = seen.get(name)?.megabytes ?? 0;
        seen.set(name, { megabytes: size, readyMs, stopMs: performance.now() - stopMs });
      },
      120_000,
    );

    test('query answers, and exporter tells what it sees', async () => {
      for (const [part, path] of [
        ['query', '/health/readiness'],
        ['exporter', '/metrics'],
      ] as const) {
        const port = await freePort();
        const id = startContainer(part, {
          ...connection,
          ...TOPICS,
          PORT: String(port),
          HTTP_PORT: String(port),
        });
        await ready(id, port, path);
        run('kill', '--signal=TERM', id);
        expect(exitCodeOf(id)).toBe(0);
      }
    }, 120_000);

    test('a wrong setting ends with a clear line and code 1', () => {
      const id = startContainer('transform', { KAFKA_BROKERS: ',' });
      expect(exitCodeOf(id)).toBe(1);
      const { stderr } = spawnSync(engine, ['logs', id], { encoding: 'utf8' });
      expect(stderr).toContain('KAFKA_BROKERS');
    });
  },
);

function envOf(env: Readonly<Record<string, string>>): readonly string[] {
  return Object.entries(env).flatMap(([name, value]) => ['--env', `${name}=${value}`]);
}
