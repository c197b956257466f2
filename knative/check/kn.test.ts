import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { z } from 'zod';
import { KNATIVE } from './render.ts';

const hasKn = spawnSync('kn', ['version'], { stdio: 'ignore' }).status === 0;

/** How each function would be made by hand with kn: what its manifest says, in kn's words. */
const FUNCTIONS = [
  {
    name: 'transform',
    file: '110-transform.yaml',
    memory: '192Mi',
    max: 4,
    limit: 12,
    utilization: 70,
    uses: ['kafka'],
    more: [],
  },
  {
    name: 'aggregate',
    file: '120-aggregate.yaml',
    memory: '256Mi',
    max: 4,
    limit: 12,
    utilization: 70,
    uses: ['kafka', 'cassandra'],
    more: [],
  },
  {
    name: 'persist',
    file: '130-persist.yaml',
    memory: '256Mi',
    max: 4,
    limit: 100,
    utilization: 30,
    uses: ['cassandra'],
    more: ['--env MAX_IN_FLIGHT=100'],
  },
  {
    name: 'signal',
    file: '140-signal.yaml',
    memory: '256Mi',
    max: 4,
    limit: 12,
    utilization: 70,
    uses: ['kafka', 'cassandra'],
    more: [],
  },
  {
    name: 'notify',
    file: '150-notify.yaml',
    memory: '256Mi',
    max: 1,
    limit: 48,
    utilization: 70,
    uses: ['cassandra'],
    more: [
      '--env TARGETS_FILE=/etc/kandle/notify/targets.yaml',
      '--mount /etc/kandle/notify=secret:notify-targets',
    ],
  },
] as const;

type Function = (typeof FUNCTIONS)[number];

function knArguments({ name, memory, max, limit, utilization, uses, more }: Function): readonly string[] {
  const options = [
    `service create ${name} --namespace kandle --image kandle/${name} --cluster-local`,
    `--scale 0..${max} --scale-metric concurrency --scale-target ${limit} --scale-utilization ${utilization}`,
    '--annotation-revision autoscaling.knative.dev/scale-down-delay=30s',
    `--concurrency-limit ${limit} --timeout 60 --port http1:8080`,
    '--probe-readiness http::8080:/health/readiness --probe-liveness http::8080:/health/liveness',
    '--security-context strict --service-account kandle',
    `--request cpu=100m,memory=${memory} --limit memory=${memory}`,
    `--label app.kubernetes.io/name=${name} --label app.kubernetes.io/component=function`,
    '--label app.kubernetes.io/part-of=kandle',
    ...[...uses, 'telemetry'].map((one) => `--env-from cm:kandle-${one}`),
    ...uses.map((one) => `--mount /secrets/${one}=secret:${one}-credentials`),
    ...more,
  ];
  return options.join(' ').split(' ');
}

const Service = z.looseObject({
  metadata: z.looseObject({ namespace: z.string().optional() }),
  status: z.unknown().optional(),
  spec: z.looseObject({
    template: z.looseObject({
      metadata: z.looseObject({ annotations: z.record(z.string(), z.string()) }),
      spec: z.looseObject({
        containers: z.array(
          z.looseObject({
            name: z.string().optional(),
            securityContext: z.looseObject({}),
            volumeMounts: z.array(z.looseObject({ name: z.string() })),
          }),
        ),
        volumes: z.array(
          z.looseObject({ name: z.string(), secret: z.looseObject({ secretName: z.string() }) }),
        ),
      }),
    }),
  }),
});

/** A service without what kn has no word for, and without what kn adds for itself. */
function comparable(content: unknown): unknown {
  const { status: _, ...service } = Service.parse(content);
  const { namespace: _namespace, ...metadata } = service.metadata;
  const { spec, metadata: templateMetadata } = service.spec.template;
  // kn has no flag for these three, nor for readOnlyRootFilesystem and an optional secret.
  const { automountServiceAccountToken: _token, enableServiceLinks: _links, ...pod } = spec;
  const annotations = Object.fromEntries(
    Object.entries(templateMetadata.annotations).filter(([key]) => !key.startsWith('client.knative.dev/')),
  );
  const secretOf = new Map(pod.volumes.map(({ name, secret }) => [name, secret.secretName]));
  const containers = pod.containers.map(({ name: _name, ...container }) => {
    const { readOnlyRootFilesystem: _readOnly, ...securityContext } = container.securityContext;
    // kn makes names of its own for volumes: what counts is which secret is mounted where.
    const volumeMounts = container.volumeMounts.map((mount) => ({
      ...mount,
      name: secretOf.get(mount.name),
    }));
    return { ...container, securityContext, volumeMounts };
  });
  const volumes = [...secretOf.values()];
  const template = { metadata: { ...templateMetadata, annotations }, spec: { ...pod, containers, volumes } };
  return { ...service, metadata, spec: { template } };
}

describe.skipIf(!hasKn)(`kn${hasKn ? '' : ' (skipped: there is no kn here)'}`, () => {
  test.each(FUNCTIONS)('writes the same service as knative/base, for $name', (one) => {
    const folder = mkdtempSync(join(tmpdir(), 'kandle-kn-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    execFileSync('kn', [...knArguments(one), '--target', folder], { stdio: 'pipe' });
    const written: unknown = parse(readFileSync(join(folder, 'kandle', 'ksvc', `${one.name}.yaml`), 'utf8'));
    const [ours] = parseAllDocuments(readFileSync(join(KNATIVE, 'base', one.file), 'utf8'));
    expect(comparable(written)).toEqual(comparable(ours?.toJS()));
  });

  test.each(FUNCTIONS)('takes the file of knative/base as it is, for $name', (one) => {
    const folder = mkdtempSync(join(tmpdir(), 'kandle-kn-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const file = join(KNATIVE, 'base', one.file);
    execFileSync('kn', ['service', 'create', one.name, '-n', 'kandle', '-f', file, '--target', folder], {
      stdio: 'pipe',
    });
    const written: unknown = parse(readFileSync(join(folder, 'kandle', 'ksvc', `${one.name}.yaml`), 'utf8'));
    const [ours] = parseAllDocuments(readFileSync(file, 'utf8'));
    expect(written).toMatchObject({
      spec: z.looseObject({ spec: z.unknown() }).parse(ours?.toJS()).spec as object,
    });
  });
});
