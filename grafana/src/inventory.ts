import type { Dashboard } from '@grafana/grafana-foundation-sdk/dashboard';
import type { ProvisionedRule } from './alerts/rule.ts';

/** A CQL text and what Grafana does with its answer. */
export interface CassandraTarget {
  readonly name: string;
  readonly use: 'variable' | 'annotation' | 'alert' | 'timeseries' | 'candlestick' | 'stat' | 'table';
  readonly cql: string;
}

/** Every CQL text of some dashboards and rules. */
export function cassandraTargets(
  dashboards: readonly Dashboard[],
  rules: readonly ProvisionedRule[],
): readonly CassandraTarget[] {
  const ofDashboards = dashboards.flatMap((dashboard) => [
    ...(dashboard.templating.list ?? []).flatMap(({ name, query }) =>
      typeof query === 'object' && typeof query['query'] === 'string'
        ? [{ name: `${dashboard.uid}: ${name}`, use: 'variable' as const, cql: query['query'] }]
        : [],
    ),
    ...(dashboard.annotations.list ?? []).flatMap(({ name, target }) =>
      cqlOf(target).map((cql) => ({ name: `${dashboard.uid}: ${name}`, use: 'annotation' as const, cql })),
    ),
    ...(dashboard.panels ?? []).flatMap((panel) =>
      ('targets' in panel ? (panel.targets ?? []) : []).flatMap((target) =>
        cqlOf(target).map((cql) => ({
          name: `${dashboard.uid}: ${panel.title}`,
          use: panel.type as CassandraTarget['use'],
          cql,
        })),
      ),
    ),
  ]);
  const ofRules = rules.flatMap(({ uid, data }) =>
    data.flatMap(({ model }) => cqlOf(model).map((cql) => ({ name: uid, use: 'alert' as const, cql }))),
  );
  return [...ofDashboards, ...ofRules];
}

/** Every expression for Prometheus of some dashboards and rules. */
export function prometheusExpressions(
  dashboards: readonly Dashboard[],
  rules: readonly ProvisionedRule[],
): readonly string[] {
  const targets: readonly unknown[] = [
    ...dashboards.flatMap(({ panels }) =>
      (panels ?? []).flatMap((panel) => ('targets' in panel ? (panel.targets ?? []) : [])),
    ),
    ...rules.flatMap(({ data }) => data.map(({ model }) => model)),
  ];
  return targets.flatMap((target) => textOf(target, 'expr'));
}

function cqlOf(target: unknown): readonly string[] {
  return textOf(target, 'target');
}

function textOf(target: unknown, key: string): readonly string[] {
  const value: unknown = typeof target === 'object' && target !== null ? Reflect.get(target, key) : undefined;
  return typeof value === 'string' ? [value] : [];
}

/** The metrics that an expression of Prometheus is about; a histogram's under its own name. */
export function metricNames(expression: string): readonly string[] {
  const bare = expression
    .replaceAll(/"[^"]*"/g, '')
    .replaceAll(/\{[^}]*\}/g, '')
    .replaceAll(/\bby \([^)]*\)/g, '');
  const names = bare.match(
    /\b(kandle|ingest|function|transform|aggregate|signal|persist|notify|sink|kubelet)[_:][\w:]+/g,
  );
  return (names ?? []).map((name) => name.replace(/_seconds_(bucket|sum|count)$/, '_seconds'));
}
