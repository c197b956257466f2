import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { BASE_FOLDER } from '../src/read-plan.ts';
import { workloadsOf } from '../src/workloads.ts';
import { hasKubectl, KNATIVE, overlayNames, render } from './render.ts';
import { parseRendered } from './rules.ts';

function dryRun(script: string, args: readonly string[]): string {
  return execFileSync(join(KNATIVE, script), [...args, '--dry-run'], { encoding: 'utf8' });
}

function imagesOf(overlay: string): readonly string[] {
  const { manifests } = parseRendered(render(join(KNATIVE, 'overlays', overlay)));
  return workloadsOf(manifests).map(({ container }) => container.image);
}

describe.skipIf(!hasKubectl())(`scripts${hasKubectl() ? '' : ' (skipped: there is no kubectl here)'}`, () => {
  test.each([
    ['kind', ['--kind', 'kind']],
    ['minikube', ['--minikube']],
    ['production', ['--registry', 'registry.example.com', '--tag', '0.1.0', '--push']],
  ] as const)('images.sh builds every image that the overlay %s names', (overlay, args) => {
    const built = new Set([...dryRun('images.sh', args).matchAll(/^== (.+)$/gm)].map(([, image]) => image));
    for (const image of imagesOf(overlay)) expect([...built]).toContain(image);
  });

  test.each(overlayNames())('deploy.sh takes its steps in order, for %s', (overlay) => {
    const text = dryRun('deploy.sh', ['--overlay', overlay]);
    const steps = [...text.matchAll(/^== (.+)$/gm)].map(([, step]) => step);
    expect(steps).toEqual([
      'namespaces',
      'servers: this takes minutes the first time',
      'settings and topics',
      'schema',
      'functions',
      'event sources, ingest and the rest',
      'done',
    ]);
    // Each function by kn, and never by kubectl.
    const functions = [
      ...text.matchAll(/^\+ kn service apply (\S+) .*_serving\.knative\.dev_v1_service_\1\.yaml/gm),
    ];
    expect(functions.length).toBeGreaterThan(2);
    expect(text).not.toMatch(/^\+ kubectl apply .*_serving\.knative\.dev/m);
  });

  test('kafka-setup-k8s.sh makes the topics of knative/base, as they stand there', () => {
    const text = dryRun('kafka-setup-k8s.sh', [
      '--bootstrap',
      'kafka.example.com:9093',
      '--replication',
      '1',
    ]);
    const lines = [...text.matchAll(/^ {4}(market\.\S+) (\d+) (\S+)$/gm)].map(
      ([, name, partitions, settings]) => ({
        name,
        partitions: Number(partitions),
        config: Object.fromEntries((settings ?? '').split(',').map((pair) => pair.split('='))),
      }),
    );
    const topics = parseRendered(render(BASE_FOLDER)).manifests.KafkaTopic.map(({ resource }) => resource);
    expect(lines.length).toBeGreaterThan(5);
    expect(lines).toEqual(
      topics.map(({ spec }) => ({
        name: spec.topicName,
        partitions: spec.partitions,
        config: Object.fromEntries(Object.entries(spec.config).map(([key, held]) => [key, String(held)])),
      })),
    );
  });

  test('deploy.sh --delete keeps topics, servers, namespaces and secrets; with the data, it takes topics away before Kafka', () => {
    const kept = dryRun('deploy.sh', ['--overlay', 'production', '--delete']);
    expect(kept).toMatch(/_kafkasource_/);
    expect(kept).not.toMatch(/_kafkatopic_|_kafkauser_|_cassandradatacenter_|_namespace_|_kafka_kandle/);
    // A topic is held by a finalizer until Strimzi has deleted it in Kafka, a source until its group is deleted there.
    const order = [/_kafkasource_/, /_kafkatopic_/, /_kafkauser_/, / -k overlays\/production/].map((one) =>
      dryRun('deploy.sh', ['--overlay', 'production', '--delete', '--with-data']).search(one),
    );
    expect(order[0]).toBeGreaterThan(0);
    expect(order).toEqual(order.toSorted((a, b) => a - b));
  });

  test.each([
    [['deploy.sh'], /--overlay is missing: kind minikube production/],
    [['deploy.sh', '--overlay', 'prodution'], /there is no overlay prodution/],
    [['deploy.sh', '--overlay'], /--overlay wants a value/],
    [['deploy.sh', '--overly', 'kind'], /there is no option --overly/],
    [['deploy.sh', '--overlay', 'kind', '--with-data'], /--with-data wants --delete/],
    [['kafka-setup-k8s.sh', '--bootstrap', 'kafka'], /--bootstrap wants HOST:PORT/],
    [['images.sh'], /where to\?/],
    [['images.sh', '--push'], /--push wants --registry/],
    [['make-secrets.sh', '--overlay', 'x'], /expected one of kind minikube production/],
  ] as const)('%j ends with a line that says what is wrong', ([script, ...args], says) => {
    const run = spawnSync(join(KNATIVE, script), args, { encoding: 'utf8' });
    expect(run.status).toBe(1);
    expect(run.stderr).toMatch(says);
  });

  test.each(['deploy.sh', 'images.sh', 'make-secrets.sh', 'kafka-setup-k8s.sh'])(
    '%s --help says how it is used',
    (script) => {
      expect(execFileSync(join(KNATIVE, script), ['--help'], { encoding: 'utf8' })).toMatch(
        /^Usage: knative\//,
      );
    },
  );
});
