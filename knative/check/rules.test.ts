import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { KnownVariables } from '../src/environment.ts';
import { readKnownVariables } from '../src/known-variables.ts';
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { hasKubectl, KNATIVE, overlayNames, render } from './render.ts';
import { type Plant, PLANTED } from './planted-faults.ts';
import { checkOverlay, parseRendered } from './rules.ts';
import { checkSameAsBase } from './same-as-base.ts';
import { createSchemaCheck } from './schemas.ts';

const schemas = createSchemaCheck();
let parts: KnownVariables;
let base: readonly unknown[];
let production: readonly unknown[];

beforeAll(async () => {
  if (!hasKubectl()) return;
  parts = await readKnownVariables();
  base = render(join(KNATIVE, 'base'));
  production = render(join(KNATIVE, 'overlays', 'production'));
}, 120_000);

function problemsOf(rendered: readonly unknown[]): readonly string[] {
  return [
    ...rendered.flatMap((one) => schemas.check(one)),
    ...checkOverlay(base, rendered, parts),
    ...checkSameAsBase(base, rendered),
  ];
}

/** The production overlay with faults in it. */
function plant(faults: readonly Plant[]): readonly unknown[] {
  const copy = structuredClone(production) as Record<string, unknown>[];
  for (const [id, path, value] of faults) {
    const [kind, name] = id.split(' ');
    const found = copy.find(
      (one) =>
        one['kind'] === kind &&
        (one['metadata'] as { name: string }).name === name &&
        one['apiVersion'] !== 'v1',
    );
    const target = found ?? copy.find((one) => one['kind'] === kind && nameOf(one) === name);
    if (target === undefined) throw new Error(`There is no ${id}`);
    setAt(
      target,
      path.split('/').map((key) => key.replaceAll('~', '/')),
      value,
    );
  }
  return copy;
}

function nameOf(resource: Record<string, unknown>): string {
  return (resource['metadata'] as { name: string }).name;
}

function setAt(
  target: Record<string, unknown>,
  [key = '', ...rest]: readonly string[],
  value: unknown,
): void {
  if (rest.length > 0) return setAt((target[key] ??= {}) as Record<string, unknown>, rest, value);
  if (value === undefined) delete target[key];
  else target[key] = value;
}

describe.skipIf(!hasKubectl())(
  `overlays${hasKubectl() ? '' : ' (skipped: there is no kubectl here to render them)'}`,
  () => {
    test.each(overlayNames())('%s has no fault', (name) => {
      expect(problemsOf(render(join(KNATIVE, 'overlays', name)))).toEqual([]);
    });

    test('the optional components fit: KEDA, a Kafka without Strimzi, a PostgreSQL, and a schema registry', () => {
      const folder = mkdtempSync(join(KNATIVE, 'overlays', '.test-'));
      onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
      const components = [
        '../../components/one-node',
        '../../components/keda',
        '../../components/no-strimzi',
        '../../components/postgres',
        '../../components/avro',
      ];
      const kind = readFileSync(join(KNATIVE, 'overlays', 'kind', 'kustomization.yaml'), 'utf8');
      const text = kind.replace(
        '  - ../../components/one-node',
        components.map((one) => `  - ${one}`).join('\n'),
      );
      writeFileSync(join(folder, 'kustomization.yaml'), text);
      const rendered = render(folder);
      const missing = /^KafkaTopic .*: it is in the base and not here$/;
      expect(problemsOf(rendered).filter((problem) => !missing.test(problem))).toEqual([]);
      expect(JSON.stringify(rendered)).not.toMatch(/"kind":"(KafkaTopic|PersistentVolumeClaim)"/);
      const sources = rendered.filter((one) => JSON.stringify(one).includes('"kind":"KafkaSource"'));
      expect(sources.length).toBeGreaterThan(5);
      for (const source of sources)
        expect(source).toMatchObject({
          metadata: { annotations: { 'autoscaling.eventing.knative.dev/max-scale': '12' } },
        });
    });

    test('the optional sinks, the archive, backfill and Avro fit into production, where sources log in and show who they are', () => {
      const folder = mkdtempSync(join(KNATIVE, 'overlays', '.test-'));
      onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
      cpSync(join(KNATIVE, 'overlays', 'production'), folder, { recursive: true });
      const file = join(folder, 'kustomization.yaml');
      const text = readFileSync(file, 'utf8').replaceAll(
        /^ {2}# (?=- .*\/(?:sink-|archive|backfill|avro))/gm,
        '  ',
      );
      writeFileSync(file, text);
      const rendered = render(folder);
      expect(problemsOf(rendered)).toEqual([]);
      const { manifests } = parseRendered(rendered);
      const readers = rendered.filter((one) => JSON.stringify(one).includes('{"name":"kandle-avro"}'));
      // Every function but the schema's job, ingest, audit, instruments and backfill.
      expect(readers).toHaveLength(12);
      const sources = manifests.KafkaSource.map(({ resource }) => resource).filter(({ metadata }) =>
        metadata.name.startsWith('sink-'),
      );
      expect(sources).toHaveLength(6);
      for (const { spec, metadata } of sources) {
        const sink = metadata.name.replace(/-\w+$/, '');
        expect(spec.sink.audience).toBe(`serving.knative.dev/service/kandle/${sink}`);
        expect(JSON.stringify(spec.net)).toContain(`"kafka-${sink}-source"`);
      }
    });

    test.each(PLANTED)('a fault is named: $fault', ({ plant: faults, says }) => {
      const problems = problemsOf(plant(faults.map(([id, path, value]) => [id, path, value])));
      expect(
        problems.some((problem) => says.test(problem)),
        problems.join('\n'),
      ).toBe(true);
    });
  },
);
