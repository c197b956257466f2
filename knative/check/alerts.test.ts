import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { REPO_ROOT } from '@kandle/tooling/paths';

/** Prometheus' own checks of the file are in `knative/test/promtool.test.ts`, where there is a promtool. */
const AlertRulesSchema = z.object({
  groups: z.array(
    z.object({
      rules: z.array(
        z.strictObject({
          alert: z.string().regex(/^Kandle[A-Za-z]+$/),
          expr: z.string(),
          for: z.string().optional(),
          labels: z.strictObject({ severity: z.enum(['critical', 'warning', 'info']) }),
          annotations: z.strictObject({ summary: z.string().min(1), runbook: z.string() }),
        }),
      ),
    }),
  ),
});

const text = readFileSync(join(REPO_ROOT, 'knative', 'monitoring', 'alerts.yaml'), 'utf8');
const rules = AlertRulesSchema.parse(parse(text)).groups.flatMap((group) => group.rules);
const SOURCES = ['exporter', 'ingest', 'sink-influx', 'sink-redis', 'transform'].map((name) =>
  join(REPO_ROOT, 'functions', name, 'src'),
);
const code = SOURCES.flatMap((folder) =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .map((name) => readFileSync(join(folder, name), 'utf8')),
).join('\n');

test.each(rules)('$alert has a page in the runbook and looks at metrics that there are', (rule) => {
  expect(rule.annotations.runbook).toMatch(/^docs\/runbook\/[a-z-]+\.md$/);
  expect(existsSync(join(REPO_ROOT, rule.annotations.runbook))).toBe(true);
  // Volumes are Kubernetes' own to measure.
  const metrics = rule.expr.match(/\b(kandle|ingest|sink|transform|kubelet_volume_stats)_\w+/g) ?? [];
  expect(metrics.length).toBeGreaterThan(0);
  for (const metric of metrics.filter((name) => !name.startsWith('kubelet_')))
    expect(code).toMatch(new RegExp(`\\b${metric}\\b`));
});

test('no alert is there twice', () => {
  expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
});
