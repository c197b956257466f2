import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { REPO_ROOT } from '@kandle/tooling/paths';
import { StartError } from '@kandle/tooling/start-error';
import { readKnownVariables } from './known-variables.ts';
import { readManifests } from './manifests.ts';
import type { KnownVariables } from './environment.ts';
import { planRun } from './plan.ts';

const BASE = join(REPO_ROOT, 'knative', 'base');
let known: KnownVariables;

beforeAll(async () => {
  known = await readKnownVariables();
});

/** A change of the real manifests: in this file, this text becomes that. */
type Edit = readonly [file: string, from: string, to: string];

/** The lines that the start stops with, when the real manifests are changed so. */
function problemsOf(...edits: readonly Edit[]): readonly string[] {
  const folder = mkdtempSync(join(tmpdir(), 'kandle-manifests-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  cpSync(BASE, folder, { recursive: true });
  for (const [file, from, to] of edits) {
    const path = join(folder, file);
    const text = readFileSync(path, 'utf8');
    if (!text.includes(from)) throw new Error(`${file} has no ${from}`);
    writeFileSync(
      path,
      text.replace(from, () => to),
    );
  }
  try {
    planRun(readManifests(folder), known);
    return [];
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    return error.message.split('\n');
  }
}

const TRANSFORM = '110-transform.yaml';
const INGEST = '200-ingest.yaml';
const DELIVERY =
  /  delivery:\n[\s\S]*?name: dead-letters\n/.exec(readFileSync(join(BASE, TRANSFORM), 'utf8'))?.[0] ?? '';

const ENV_FROM = '          envFrom:\n';

interface Case {
  readonly fault: string;
  readonly edit: Edit;
  /** What its line says after the name of the file. */
  readonly line: RegExp;
}

const CASES: readonly Case[] = [
  {
    fault: 'an unknown field of a Service',
    edit: [TRANSFORM, 'timeoutSeconds: 60', 'timeoutSeconds: 60\n      idleTimeoutSeconds: 5'],
    line: /Service transform: spec\.template\.spec\.idleTimeoutSeconds is not known to the runner$/,
  },
  {
    fault: 'an unknown field of a KafkaSource',
    edit: [TRANSFORM, 'ordering: ordered', 'ordering: ordered\n  retries: 4'],
    line: /KafkaSource transform: spec\.retries is not known to the runner$/,
  },
  {
    fault: 'an unknown annotation',
    edit: [TRANSFORM, 'autoscaling.knative.dev/min-scale', 'autoscaling.knative.dev/minScale'],
    line: /Service transform: .*annotations\.autoscaling\.knative\.dev\/minScale is not known/,
  },
  {
    fault: 'an unknown order',
    edit: [TRANSFORM, 'ordering: ordered', 'ordering: sorted'],
    line: /KafkaSource transform: spec\.ordering is wrong: .*"ordered".*"unordered"/,
  },
  {
    fault: 'no delivery block',
    edit: [TRANSFORM, DELIVERY, ''],
    line: /KafkaSource transform: spec\.delivery is missing$/,
  },
  {
    fault: 'no retry',
    edit: [TRANSFORM, '    retry: 60\n', ''],
    line: /KafkaSource transform: spec\.delivery\.retry is missing$/,
  },
  {
    fault: 'no back-off policy',
    edit: [TRANSFORM, '    backoffPolicy: linear\n', ''],
    line: /KafkaSource transform: spec\.delivery\.backoffPolicy (is missing|is wrong)/,
  },
  {
    fault: 'no back-off delay',
    edit: [TRANSFORM, '    backoffDelay: PT5S\n', ''],
    line: /KafkaSource transform: spec\.delivery\.backoffDelay is missing$/,
  },
  {
    fault: 'no time-out of the delivery',
    edit: [TRANSFORM, '    timeout: PT90S\n', ''],
    line: /KafkaSource transform: spec\.delivery\.timeout is missing$/,
  },
  {
    fault: 'no dead letter sink',
    edit: [TRANSFORM, DELIVERY.slice(DELIVERY.indexOf('    deadLetterSink')), ''],
    line: /KafkaSource transform: spec\.delivery\.deadLetterSink is missing$/,
  },
  {
    fault: 'a back-off of PT0S',
    edit: [TRANSFORM, 'backoffDelay: PT5S', 'backoffDelay: PT0S'],
    line: /KafkaSource transform: spec\.delivery\.backoffDelay is wrong: below PT0\.1S nothing is tried again$/,
  },
  {
    fault: 'a duration that is none',
    edit: [TRANSFORM, 'backoffDelay: PT5S', 'backoffDelay: 5s'],
    line: /KafkaSource transform: spec\.delivery\.backoffDelay is wrong: expected an ISO 8601 duration/,
  },
  {
    fault: 'no sink',
    edit: [
      TRANSFORM,
      '  sink:\n    ref:\n      apiVersion: serving.knative.dev/v1\n      kind: Service\n      name: transform\n',
      '',
    ],
    line: /KafkaSource transform: spec\.sink is missing$/,
  },
  {
    fault: 'a sink that is not there',
    edit: [TRANSFORM, 'kind: Service\n      name: transform\n', 'kind: Service\n      name: transfrom\n'],
    line: /KafkaSource transform: spec\.sink\.ref: there is no Service transfrom$/,
  },
  {
    fault: 'a dead letter sink that is not there',
    edit: [TRANSFORM, 'name: dead-letters', 'name: graveyard'],
    line: /KafkaSource transform: spec\.delivery\.deadLetterSink\.ref: there is no KafkaSink graveyard$/,
  },
  {
    fault: 'a topic that is not there',
    edit: [TRANSFORM, '- market.raw.v1', '- market.row.v1'],
    line: /KafkaSource transform: spec\.topics: there is no KafkaTopic for market\.row\.v1$/,
  },
  {
    fault: 'dead letters into a topic that is not there',
    edit: ['030-dead-letter-sink.yaml', 'topic: market.dead.v1', 'topic: market.dad.v1'],
    line: /KafkaSink dead-letters: spec\.topic: there is no KafkaTopic for market\.dad\.v1$/,
  },
  {
    fault: 'a service that takes as long as its delivery',
    edit: [TRANSFORM, 'timeoutSeconds: 60', 'timeoutSeconds: 90'],
    line: /KafkaSource transform: spec\.delivery\.timeout is not above timeoutSeconds of transform/,
  },
  {
    fault: 'a service that cuts its function off before it gives up',
    edit: ['140-signal.yaml', 'timeoutSeconds: 60', 'timeoutSeconds: 40'],
    line: /Service signal: BUDGET_MS is 40000 ms: not below timeoutSeconds \(40\)$/,
  },
  {
    fault: 'a service that cuts its function off while it ends',
    edit: [TRANSFORM, 'timeoutSeconds: 60', 'timeoutSeconds: 15'],
    line: /Service transform: DRAIN_MS is 20000 ms: not below timeoutSeconds \(15\)$/,
  },
  {
    fault: 'streams that live longer than their service lets them',
    edit: ['160-query.yaml', 'timeoutSeconds: 300', 'timeoutSeconds: 280'],
    line: /Service query: STREAM_LIFE_MS is 280000 ms: not below timeoutSeconds \(280\)$/,
  },
  {
    fault: 'a consumer group of another source',
    edit: ['130-persist.yaml', 'kandle-persist-candles', 'kandle-persist-trades'],
    line: /KafkaSource persist-candles: spec\.consumerGroup kandle-persist-trades is used twice$/,
  },
  {
    fault: 'a wrong port of a function',
    edit: [TRANSFORM, 'containerPort: 8080', 'containerPort: 8081'],
    line: /transform: containerPort 8081: it listens to 8080$/,
  },
  {
    fault: 'a port that is no number',
    edit: [TRANSFORM, 'containerPort: 8080', 'containerPort: http'],
    line: /Service transform: .*containers\.0\.ports\.0\.containerPort is wrong/,
  },
  {
    fault: 'a wrong port of ingest',
    edit: [INGEST, 'containerPort: 8080', 'containerPort: 9000'],
    line: /ingest: containerPort 9000: it listens to 8080$/,
  },
  {
    fault: 'a probe of a port that is not there',
    edit: [INGEST, 'port: http\n', 'port: metrics\n'],
    line: /ingest: readinessProbe\.httpGet\.port metrics: the container has no such port$/,
  },
  {
    fault: 'a variable that the configuration does not know',
    edit: [TRANSFORM, ENV_FROM, `          env: [{ name: KAFKA_BROKER, value: x }]\n${ENV_FROM}`],
    line: /transform: env KAFKA_BROKER is not known to the configuration of transform$/,
  },
  {
    fault: 'a ConfigMap with a variable that the configuration does not know',
    edit: [TRANSFORM, 'name: kandle-kafka', 'name: kandle-cassandra'],
    line: /transform: envFrom kandle-cassandra has what the configuration of transform does not know: CASSANDRA_/,
  },
  {
    fault: 'a ConfigMap that is not there',
    edit: [TRANSFORM, 'name: kandle-kafka', 'name: kandle-kafak'],
    line: /transform: envFrom kandle-kafak: there is no such ConfigMap$/,
  },
  {
    fault: 'a variable given twice',
    edit: [INGEST, '- name: SYMBOLS', '- name: FEED'],
    line: /ingest: env FEED is given twice$/,
  },
  {
    fault: 'a value that is no text',
    edit: [INGEST, 'value: finnhub', 'value: 5'],
    line: /StatefulSet ingest: .*env\.1\.value is wrong: .*expected string/,
  },
  {
    fault: 'a value and a reference',
    edit: [
      INGEST,
      'value: finnhub',
      'value: finnhub\n              valueFrom: { secretKeyRef: { name: finnhub, key: token } }',
    ],
    line: /StatefulSet ingest: .*env\.1 is wrong: expected either value or valueFrom$/,
  },
  {
    fault: 'an unknown reference',
    edit: [INGEST, 'value: finnhub', 'valueFrom: { fieldRef: { fieldPath: metadata.name } }'],
    line: /StatefulSet ingest: .*env\.1\.valueFrom\.fieldRef is not known to the runner$/,
  },
  {
    fault: 'a reference to nothing',
    edit: [INGEST, 'value: finnhub', 'valueFrom: {}'],
    line: /ingest: env FEED: valueFrom refers to nothing$/,
  },
  {
    fault: 'two references',
    edit: [
      INGEST,
      'value: finnhub',
      'valueFrom: { configMapKeyRef: { name: kandle-kafka, key: KAFKA_BROKERS }, secretKeyRef: { name: finnhub, key: token } }',
    ],
    line: /env\.1\.valueFrom is wrong: expected either configMapKeyRef or secretKeyRef$/,
  },
  {
    fault: 'a key that its ConfigMap does not have',
    edit: [
      TRANSFORM,
      ENV_FROM,
      `          env: [{ name: KAFKA_BROKERS, valueFrom: { configMapKeyRef: { name: kandle-kafka, key: BROKERS } } }]\n${ENV_FROM}`,
    ],
    line: /transform: env KAFKA_BROKERS: there is no ConfigMap kandle-kafka with a key BROKERS$/,
  },
  {
    fault: 'two replicas of ingest',
    edit: [INGEST, 'replicas: 1', 'replicas: 2'],
    line: /StatefulSet ingest: spec\.replicas is wrong: .*a shard has one writer/,
  },
  {
    fault: 'two replicas of a Deployment',
    edit: ['210-exporter.yaml', 'replicas: 1', 'replicas: 2'],
    line: /Deployment exporter: spec\.replicas is wrong: .*the runner starts one process/,
  },
  {
    fault: 'a wrong port of a Deployment',
    edit: ['210-exporter.yaml', 'containerPort: 8080', 'containerPort: 9000'],
    line: /exporter: containerPort 9000: it listens to 8080$/,
  },
  {
    fault: 'a variable of a Deployment that its configuration does not know',
    edit: ['210-exporter.yaml', 'name: HTTP_HOST', 'name: HTTP_HOSTS'],
    line: /exporter: env HTTP_HOSTS is not known to the configuration of exporter$/,
  },
  {
    fault: 'a function that is not there',
    edit: [
      INGEST,
      'kind: StatefulSet\nmetadata:\n  name: ingest',
      'kind: StatefulSet\nmetadata:\n  name: inject',
    ],
    line: /inject: there is no function of this name in functions\/$/,
  },
  {
    fault: 'more requests than the function takes',
    edit: [TRANSFORM, 'containerConcurrency: 12', 'containerConcurrency: 49'],
    line: /transform: containerConcurrency 49: it takes 48 \(MAX_IN_FLIGHT\) and answers 429 beyond$/,
  },
  {
    fault: 'min-scale above max-scale',
    edit: [TRANSFORM, 'min-scale: "0"', 'min-scale: "5"'],
    line: /transform: min-scale 5 is above max-scale 4$/,
  },
  {
    fault: 'a scale that is no text, which Kubernetes refuses',
    edit: [TRANSFORM, 'min-scale: "0"', 'min-scale: 0'],
    line: /Service transform: .*min-scale is wrong/,
  },
  {
    fault: 'a topic twice',
    edit: ['020-topics.yaml', 'topicName: market.rejects.v1', 'topicName: market.raw.v1'],
    line: /KafkaTopic market-rejects-v1: spec\.topicName market\.raw\.v1 is used twice$/,
  },
  {
    fault: 'a name twice',
    edit: ['130-persist.yaml', 'name: persist-candles', 'name: persist-trades'],
    line: /KafkaSource persist-trades: metadata\.name is used twice$/,
  },
  {
    fault: 'a kind that the runner does not know',
    edit: ['030-dead-letter-sink.yaml', 'kind: KafkaSink', 'kind: KafkaSnk'],
    line: /kind KafkaSnk is not known to the runner$/,
  },
  {
    fault: 'another version of a kind',
    edit: [TRANSFORM, 'apiVersion: sources.knative.dev/v1\n', 'apiVersion: sources.knative.dev/v1beta1\n'],
    line: /KafkaSource transform: apiVersion is wrong: .*sources\.knative\.dev\/v1/,
  },
  {
    fault: 'bad YAML',
    edit: [TRANSFORM, 'containerConcurrency: 12', 'containerConcurrency: [12'],
    line: /at line \d+/,
  },
  {
    fault: 'a key twice',
    edit: [TRANSFORM, 'timeoutSeconds: 60', 'timeoutSeconds: 60\n      timeoutSeconds: 61'],
    line: /Map keys must be unique at line \d+/,
  },
  {
    fault: 'bad YAML in the list of manifests',
    edit: ['kustomization.yaml', 'resources:', 'resources: ['],
    line: /at line \d+/,
  },
  {
    fault: 'a field of the list that would change the manifests',
    edit: ['kustomization.yaml', 'namespace: kandle', 'namespace: kandle\npatches: []'],
    line: /patches is not known to the runner$/,
  },
  {
    fault: 'a file of the list that is not there',
    edit: ['kustomization.yaml', '120-aggregate.yaml', '120-agregate.yaml'],
    line: /resources\.\d+: 120-agregate\.yaml is no file$/,
  },
  {
    fault: 'a folder in the list',
    edit: ['kustomization.yaml', '120-aggregate.yaml', '.'],
    line: /resources\.\d+: \. is no file$/,
  },
];

describe('a wrong manifest', () => {
  test.each(CASES)('stops the start with one line that names file and field: $fault', ({ edit, line }) => {
    const lines = problemsOf(edit);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain(`${edit[0]}: `);
    expect(lines[0]?.slice(lines[0].indexOf(edit[0]) + edit[0].length + 2)).toMatch(line);
  });

  test('stops the start with a line for each problem, when there are several', () => {
    const schema = problemsOf(
      [TRANSFORM, '    retry: 60\n', ''],
      [TRANSFORM, 'backoffDelay: PT5S', 'backoffDelay: PT0S'],
      [INGEST, 'replicas: 1', 'replicas: 2'],
      ['120-aggregate.yaml', 'containerConcurrency: 12', 'containerConcurrency: [12'],
    );
    expect(schema).toHaveLength(4);
    const references = problemsOf(
      [TRANSFORM, 'name: dead-letters', 'name: graveyard'],
      [TRANSFORM, 'name: kandle-kafka', 'name: kandle-kafak'],
      [INGEST, 'containerPort: 8080', 'containerPort: 9000'],
    );
    expect(references).toHaveLength(3);
  });

  test('stops the start with one line, when the list of manifests is missing', () => {
    const folder = mkdtempSync(join(tmpdir(), 'kandle-manifests-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    expect(() => readManifests(folder)).toThrow(/kustomization\.yaml is missing/);
  });
});

test('the real manifests have no fault', () => {
  expect(problemsOf()).toEqual([]);
});
