import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { TOPICS } from '@kandle/market/event/topics';
import { beforeAll, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { REPO_ROOT } from '@kandle/tooling/paths';
import { readKnownVariables } from './known-variables.ts';
import { headerOf, readManifests } from './manifests.ts';
import type { KnownVariables } from './environment.ts';
import { planRun, type RunPlan } from './plan.ts';
import { prefixPlan } from './prefix.ts';
import { readPlan } from './read-plan.ts';

const BASE = join(REPO_ROOT, 'knative', 'base');
let known: KnownVariables;
let plan: RunPlan;

beforeAll(async () => {
  known = await readKnownVariables();
  plan = planRun(readManifests(BASE), known);
});

/** What can still be needed after a week. */
const KEPT_DAYS: ReadonlyMap<string, number> = new Map([
  [TOPICS.raw, 14],
  [TOPICS.dead, 14],
  [TOPICS.redriven, 21],
]);

describe('the plan of knative/base', () => {
  test('has the topics that the code writes to, with 12 partitions and days of retention', () => {
    expect(plan.topics.map(({ topic }) => topic).toSorted()).toEqual(Object.values(TOPICS).toSorted());
    const days = (topic: string): number =>
      Number(plan.topics.find((one) => one.topic === topic)?.config['retention.ms']) / 86_400_000;
    for (const { topic, partitions, config } of plan.topics) {
      // The ledger of redrive has no shards, and outlives the dead letters that it names.
      expect(partitions).toBe(topic === TOPICS.redriven ? 1 : 12);
      // What is newest of each instrument stays.
      if (topic === TOPICS.instruments) expect(config).toMatchObject({ 'cleanup.policy': 'compact' });
      else expect(days(topic)).toBe(KEPT_DAYS.get(topic) ?? 7);
    }
  });

  test('has a source for each arrow, in order, from the first record on, with a group of its own', () => {
    const arrows = plan.sources.map(({ name, topic, sink, consumerGroup }) => [
      name,
      topic,
      sink,
      consumerGroup,
    ]);
    expect(arrows).toEqual([
      ['transform', TOPICS.raw, 'transform', 'kandle-transform'],
      ['aggregate', TOPICS.trades, 'aggregate', 'kandle-aggregate'],
      ['persist-trades', TOPICS.raw, 'persist', 'kandle-persist-trades'],
      ['persist-candles', TOPICS.candles, 'persist', 'kandle-persist-candles'],
      ['persist-signals', TOPICS.signals, 'persist', 'kandle-persist-signals'],
      ['persist-instruments', TOPICS.instruments, 'persist', 'kandle-persist-instruments'],
      ['signal', TOPICS.candles, 'signal', 'kandle-signal'],
      ['notify', TOPICS.signals, 'notify', 'kandle-notify'],
    ]);
    for (const source of plan.sources) {
      // One target of notify that is away must not hold up the others; rows of trades and instruments may be
      // written in any order.
      const ordering = ['notify', 'persist-trades', 'persist-instruments'].includes(source.name)
        ? 'unordered'
        : 'ordered';
      expect(source).toMatchObject({ ordering, initialOffset: 'earliest' });
    }
  });

  test('gives up nothing for hours, and keeps what it gives up', () => {
    for (const { delivery } of plan.sources) {
      expect(delivery).toEqual({
        retry: 60,
        backoffPolicy: 'linear',
        backoffDelayMs: 5_000,
        timeoutMs: 90_000,
        deadLetterTopic: TOPICS.dead,
      });
    }
  });

  test('lets every function go to zero, and answers before its delivery times out', () => {
    expect(plan.services.map(({ name }) => name)).toEqual([
      'transform',
      'aggregate',
      'persist',
      'signal',
      'notify',
      'query',
    ]);
    for (const service of plan.services) {
      const isNotify = service.name === 'notify';
      const concurrency = { notify: 48, persist: 100, query: 250 }[service.name] ?? 12;
      expect(service).toMatchObject({
        minScale: 0,
        maxScale: isNotify ? 1 : 4,
        containerConcurrency: concurrency,
        // Streams live longer than a request.
        timeoutMs: service.name === 'query' ? 300_000 : 60_000,
      });
      expect(service.readinessPath).toBe('/health/readiness');
      const partitions = 12;
      expect(service.containerConcurrency).toBeGreaterThanOrEqual(partitions);
    }
  });

  test('has one ingest, and passes on no secret', () => {
    expect(plan.ingest?.name).toBe('ingest');
    expect(plan.ingest?.env).toMatchObject({ FEED: 'finnhub' });
    expect(plan.ingest?.env).not.toHaveProperty('FINNHUB_TOKEN');
    expect(plan.ingest?.env).not.toHaveProperty('FINNHUB_TOKEN_FILE');
  });

  test('has the exporter beside the flow, with both servers', () => {
    expect(plan.observers).toMatchObject([{ name: 'exporter', livenessPath: '/health/liveness' }]);
    const env = plan.observers[0]?.env ?? {};
    expect(Object.keys(env)).toEqual(expect.arrayContaining(['KAFKA_BROKERS', 'CASSANDRA_KEYSPACE']));
  });

  test('is the one whose groups the exporter watches', async () => {
    const config: unknown = await import(join(REPO_ROOT, 'functions/exporter/src/config.ts'));
    const { envSchema } = z.object({ envSchema: z.instanceof(z.ZodObject) }).parse(config);
    expect(envSchema.parse({})).toMatchObject({
      SOURCES: plan.sources.map(({ consumerGroup, topic }) => ({ group: consumerGroup, topic })),
    });
  });

  test('reads ConfigMap references', () => {
    const aggregate = plan.services.find(({ name }) => name === 'aggregate');
    expect(aggregate?.env).toMatchObject({ CASSANDRA_KEYSPACE: 'kandle', CASSANDRA_PORT: '9042' });
  });
});

test('the plan has the sinks that are asked for, each with a source per topic in any order', async () => {
  const asked = await readPlan(['sink-redis', 'sink-influx']);
  const names = (of: RunPlan) => of.services.map(({ name }) => name);
  expect(names(asked)).toEqual([...names(plan), 'sink-redis', 'sink-influx']);
  const added = asked.sources.slice(plan.sources.length);
  expect(added.map(({ sink, topic, consumerGroup }) => [sink, topic, consumerGroup])).toEqual(
    ['sink-redis', 'sink-influx'].flatMap((sink) => [
      [sink, TOPICS.trades, `kandle-${sink}-trades`],
      [sink, TOPICS.candles, `kandle-${sink}-candles`],
      [sink, TOPICS.signals, `kandle-${sink}-signals`],
    ]),
  );
  const [base] = plan.sources;
  for (const { ordering, delivery } of added)
    expect({ ordering, delivery }).toEqual({ ordering: 'unordered', delivery: base?.delivery });
  expect((await readPlan()).services).toEqual(plan.services);
});

test('prefixPlan() puts the prefix before every topic and group, and changes nothing else', () => {
  const prefixed = prefixPlan(plan, 'p.');
  expect(prefixed.topics.every(({ topic }) => topic.startsWith('p.market.'))).toBe(true);
  for (const [n, source] of prefixed.sources.entries()) {
    const before = plan.sources[n];
    expect(source).toEqual({
      ...before,
      topic: `p.${before?.topic}`,
      consumerGroup: `p.${before?.consumerGroup}`,
      delivery: { ...before?.delivery, deadLetterTopic: `p.${TOPICS.dead}` },
    });
  }
  expect(prefixPlan(plan, '')).toBe(plan);
});

const hasKubectl = spawnSync('kubectl', ['version', '--client'], { stdio: 'ignore' }).status === 0;

describe.skipIf(!hasKubectl)(
  `kubectl kustomize${hasKubectl ? '' : ' (skipped: there is no kubectl here)'}`,
  () => {
    test('renders knative/base, with the same resources', () => {
      const text = execFileSync('kubectl', ['kustomize', BASE], { encoding: 'utf8' });
      const rendered = parseAllDocuments(text).map((document) => headerOf(document.toJS()));
      const namespaced = rendered.filter(({ kind }) => kind !== 'Namespace');
      expect(new Set(namespaced.map(({ namespace }) => namespace))).toEqual(new Set(['kandle']));
      const read = Object.entries(readManifests(BASE)).flatMap(([kind, placed]) =>
        placed.map(({ resource }) => `${kind} ${resource.metadata.name}`),
      );
      expect(rendered.map(({ kind, name }) => `${kind} ${name}`).toSorted()).toEqual(read.toSorted());
    });
  },
);
