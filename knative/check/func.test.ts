import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readManifests } from '../src/manifests.ts';
import { BASE_FOLDER, SINKS, sinkFolder } from '../src/read-plan.ts';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { KNATIVE } from './render.ts';

const ROOT = join(KNATIVE, '..');
const services = readManifests(BASE_FOLDER, ...SINKS.map(sinkFolder)).Service.map(({ resource }) => resource);

test('every function of knative/base and of the sinks has a func.yaml, and nothing else has', () => {
  const folders = readdirSync(join(ROOT, 'functions')).filter((name) =>
    existsSync(join(ROOT, 'functions', name, 'func.yaml')),
  );
  expect(folders.toSorted()).toEqual(services.map(({ metadata }) => metadata.name).toSorted());
});

test.each(services.map((service) => [service.metadata.name, service] as const))(
  'func.yaml says the same as the manifest, for %s',
  (name, service) => {
    const { template } = service.spec;
    const annotations: Readonly<Record<string, string | undefined>> = template.metadata.annotations;
    const scale = (key: string): string | undefined => annotations[`autoscaling.knative.dev/${key}`];
    const [container] = template.spec.containers;
    const plain = container.env.filter(({ value }) => value !== undefined);
    expect(parse(readFileSync(join(ROOT, 'functions', name, 'func.yaml'), 'utf8'))).toMatchObject({
      name,
      runtime: 'typescript',
      invoke: 'cloudevent',
      run: {
        envs: [
          ...container.envFrom.map(({ configMapRef }) => ({
            value: `{{ configMap:${configMapRef.name} }}`,
          })),
          ...plain.map((variable) => ({ name: variable.name, value: variable.value })),
        ],
      },
      deploy: {
        namespace: 'kandle',
        serviceAccountName: template.spec.serviceAccountName,
        annotations: { 'autoscaling.knative.dev/scale-down-delay': scale('scale-down-delay') },
        labels: Object.entries(service.metadata.labels).map(([key, value]) => ({ key, value })),
        healthEndpoints: {
          liveness: container.livenessProbe?.httpGet.path,
          readiness: container.readinessProbe?.httpGet.path,
        },
        options: {
          scale: {
            min: Number(scale('min-scale')),
            max: Number(scale('max-scale')),
            metric: scale('metric'),
            target: Number(scale('target')),
            utilization: Number(scale('target-utilization-percentage')),
          },
          resources: {
            requests: container.resources.requests,
            limits: { ...container.resources.limits, concurrency: template.spec.containerConcurrency },
          },
        },
      },
    });
  },
);
