import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { REPO_ROOT } from '@kandle/tooling/paths';
import { parse, stringify } from 'yaml';
import { marketRules, type WatchedFeed } from './alerts/market-rules.ts';
import { prometheusRules } from './alerts/prometheus-rules.ts';
import { contactPoints, policies, ruleGroups } from './alerts/provisioning.ts';
import { correctnessDashboard } from './dashboards/correctness.ts';
import { marketDashboard } from './dashboards/market.ts';
import { overviewDashboard } from './dashboards/overview.ts';
import { pipelineDashboard } from './dashboards/pipeline.ts';
import { dashboardProviders, dataSources } from './data-sources.ts';

/** The folder that the files are in. */
export const GRAFANA = join(REPO_ROOT, 'grafana');

/**
 * The feeds whose markets the committed alerts watch. A feed has four shards if nothing else is said, a fast
 * one twelve: a shard that is not there has no rows.
 */
const FEEDS: readonly WatchedFeed[] = [
  { feed: 'finnhub', shards: 12 },
  { feed: 'sim', shards: 12 },
];

/** Every dashboard. */
export const dashboards = () => [
  marketDashboard(),
  overviewDashboard(),
  pipelineDashboard(),
  correctnessDashboard(),
];

/** Every alert rule that Grafana evaluates. */
export const alertRules = () => {
  const file: unknown = parse(readFileSync(join(REPO_ROOT, 'knative', 'monitoring', 'alerts.yaml'), 'utf8'));
  return [...marketRules(FEEDS), ...prometheusRules(file)];
};

/** What is committed beside the code that makes it: content by path within the folder `grafana`. */
export function grafanaFiles(): ReadonlyMap<string, string> {
  const yaml = (value: unknown): string =>
    `# Made by npm run grafana:build from grafana/src; change it there.\n${stringify(value, { lineWidth: 0 })}`;
  return new Map([
    ...dashboards().map(
      (dashboard) =>
        [
          `dashboards/${(dashboard.uid ?? '').replace('kandle-', '')}.json`,
          `${JSON.stringify(dashboard, null, 2)}\n`,
        ] as const,
    ),
    ['provisioning/datasources/kandle.yaml', yaml(dataSources())],
    ['provisioning/dashboards/kandle.yaml', yaml(dashboardProviders())],
    ['provisioning/alerting/rules.yaml', yaml(ruleGroups(alertRules()))],
    ['provisioning/alerting/contact-points.yaml', yaml(contactPoints())],
    ['provisioning/alerting/policies.yaml', yaml(policies())],
  ]);
}
