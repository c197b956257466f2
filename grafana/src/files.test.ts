import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { REPO_ROOT } from '@kandle/tooling/paths';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { alertRules, dashboards, GRAFANA, grafanaFiles } from './files.ts';
import { contactPoints, policies, ruleGroups } from './alerts/provisioning.ts';
import { cassandraTargets, metricNames, prometheusExpressions } from './inventory.ts';

const files = grafanaFiles();

/** The series that recording rules make. */
function recordedNames(): readonly string[] {
  const text = readFileSync(join(REPO_ROOT, 'knative/monitoring/recording.yaml'), 'utf8');
  return [...text.matchAll(/- record: (\S+)/g)].flatMap(([, name]) => name ?? []);
}

test.each([...files])('%s is what the code makes (npm run grafana:build)', (path, content) => {
  expect(readFileSync(join(GRAFANA, path), 'utf8')).toBe(content);
});

test('no other dashboard or provisioning file lies beside them', () => {
  const found = ['dashboards', 'provisioning'].flatMap((folder) =>
    readdirSync(join(GRAFANA, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(GRAFANA, join(entry.parentPath, entry.name))),
  );
  expect(found.toSorted()).toEqual([...files.keys()].toSorted());
});

test('the lengths of buckets that dashboards count with are an int of CQL, and one for each interval', () => {
  const text = readFileSync(join(REPO_ROOT, 'cql/015-candle-intervals.cql'), 'utf8');
  const rows = [...text.matchAll(/VALUES \(\d+, '\w+', \d+, '(\w+)', '(\d+)'/g)].map(
    ([, interval = '', bucket = '']) => [interval, Number(bucket)] as const,
  );
  const lengths = new Map(rows);
  expect(lengths.size).toBe(5);
  for (const [interval, length] of rows) expect(length).toBe(lengths.get(interval));
  for (const length of lengths.values()) expect(length).toBeLessThan(2 ** 31);
});

test('dashboards are of the classic schema, and ask the two data sources that are provisioned', () => {
  for (const dashboard of dashboards()) {
    const text = JSON.stringify(dashboard);
    expect(dashboard).toMatchObject({ schemaVersion: 42, timezone: 'browser', uid: expect.any(String) });
    // It follows the browser's time zone, even on a dashboard in UTC.
    expect(text).not.toMatch(/\$\{__(from|to):date/);
    const ids = (dashboard.panels ?? []).map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  }
  const uids = new Set(
    [...JSON.stringify(dashboards()).matchAll(/"datasource":\{[^}]*"uid":"([^"]+)"/g)].map(([, uid]) => uid),
  );
  expect(uids).toEqual(new Set(['cassandra', 'prometheus']));
});

test('a panel of which several symbols may be chosen is repeated, one symbol each', () => {
  for (const panel of dashboards().flatMap(({ panels }) => panels ?? [])) {
    if (panel.type !== 'candlestick') continue;
    const text = JSON.stringify('targets' in panel ? panel.targets : []);
    expect(text).toMatch(/AND symbol = '\$\{symbols?\}'/);
    expect('repeat' in panel ? panel.repeat : undefined).toBe(
      text.includes('${symbols}') ? 'symbols' : undefined,
    );
  }
});

test('every CQL text is one line that begins with SELECT, names a keyspace and has a limit', () => {
  const targets = cassandraTargets(dashboards(), alertRules());
  expect(targets.length).toBeGreaterThan(30);
  for (const { cql } of targets.filter(({ use }) => use !== 'variable')) {
    expect(cql).toMatch(/^SELECT [^\n]+ FROM (kandle|\$\{\w+_in\})\.[^\n]+ LIMIT \d+( ALLOW FILTERING)?$/);
    expect(Number(/LIMIT (\d+)/.exec(cql)?.[1])).toBeLessThanOrEqual(2_000);
  }
  // Macros are not replaced in variables, and dashboards' variables are not in alerts.
  for (const { use, cql } of targets) {
    if (use === 'variable') expect(cql).not.toContain('$__');
    if (use === 'alert') expect(cql).not.toContain('${');
  }
});

test('every metric that a dashboard or rule names is made in the sources of a function', () => {
  const files = readdirSync(REPO_ROOT + '/functions', { recursive: true, encoding: 'utf8' })
    .filter((path) => /\/src\/.*(?<!\.test)\.ts$/.test(path) && !path.includes('node_modules'))
    .map((path) => join(REPO_ROOT, 'functions', path));
  const code = [...files, join(REPO_ROOT, 'packages/runtime/src/event-metrics.ts')]
    .map((file) => readFileSync(file, 'utf8'))
    .join('\n');
  const made = new Set([
    // A counter, a histogram, a line of ingest's list, a gauge of a collector.
    ...[...code.matchAll(/(?:counter|histogram)\(\s*'(\w+)'/g)].map(([, name]) => name),
    ...[...code.matchAll(/\[\s*'(ingest_\w+)',\s*'/g)].map(([, name]) => name),
    ...[...code.matchAll(/\b(kandle_\w+)(?:: \{|', \{ help)/g)].map(([, name]) => name),
    ...[...code.matchAll(/addGauge\(\s*'(kandle_\w+)'/g)].map(([, name]) => name),
    ...recordedNames(),
  ]);
  const expressions = prometheusExpressions(dashboards(), alertRules());
  expect(expressions.length).toBeGreaterThan(50);
  for (const expression of expressions) {
    const names = metricNames(expression);
    expect(names, expression).not.toEqual([]);
    for (const name of names.filter((one) => !one.startsWith('kubelet_')))
      expect(made, expression).toContain(name);
  }
});

test('rules have a short name of their own, and no dollar that provisioning would replace', () => {
  const rules = alertRules();
  expect(new Set(rules.map(({ uid }) => uid)).size).toBe(rules.length);
  for (const { uid, annotations, labels } of rules) {
    expect(uid).toMatch(/^[a-z0-9-]{1,40}$/);
    expect(JSON.stringify([annotations, labels])).not.toContain('$');
  }
});

test("Prometheus' alerts are all there, under the same names", () => {
  const text = readFileSync(join(REPO_ROOT, 'knative/monitoring/alerts.yaml'), 'utf8');
  const names = [...text.matchAll(/- alert: (\w+)/g)].map(([, name]) => name);
  const titles = alertRules().map(({ title }) => title);
  expect(names.length).toBeGreaterThan(10);
  expect(titles).toEqual(expect.arrayContaining(names));
});

test('a signal is told within 15 seconds: evaluated every 10, at once, and not held back', () => {
  const group = ruleGroups(alertRules()).groups.find(({ name }) => name === 'market');
  expect(group?.interval).toBe('10s');
  const signal = group?.rules.find(({ uid }) => uid === 'kandle-signal-finnhub');
  expect(signal).toMatchObject({ for: '0s', noDataState: 'OK', labels: { about: 'market' } });
  expect(signal?.annotations['summary']).toMatch(/\.Labels\.symbol.*\.Labels\.rule.*\.Values\.price/);
  const [policy] = policies().policies;
  expect(policy?.routes[0]).toMatchObject({ object_matchers: [['about', '=', 'market']], group_wait: '0s' });
});

test('everything that a rule refers to is there: steps, contact points, groups', () => {
  for (const { condition, data } of alertRules()) {
    const names = data.map(({ refId }) => refId);
    expect(names).toContain(condition);
    for (const { model } of data) {
      const refers = [...JSON.stringify(model['expression'] ?? '').matchAll(/\$?([a-z_]+)(?![\w(])/g)];
      for (const [, name] of refers) if (name !== 'abs' && name !== 'is_null') expect(names).toContain(name);
    }
  }
  const receivers = contactPoints().contactPoints.map(({ name }) => name);
  for (const { receiver, routes } of policies().policies)
    for (const name of [receiver, ...routes.map((route) => route.receiver)])
      expect(receivers).toContain(name);
});

test('provisioning files are YAML that reads as it was written, and hold no address and no password', () => {
  for (const [path, content] of files) {
    if (!path.endsWith('.yaml')) continue;
    expect(parse(content)).toMatchObject({ apiVersion: 1 });
    expect(content).not.toMatch(/https?:|password: [^$]/);
  }
});
