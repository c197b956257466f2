import type { ProvisionedRule } from './rule.ts';

const FOLDER = 'Kandle';

/** The names of the two contact points: who trades, and who keeps the pipeline running. */
const MARKET = 'Kandle market';
const PIPELINE = 'Kandle pipeline';

/**
 * Rule groups by what they are about. A group is evaluated as often as the shortest step of Grafana's
 * scheduler.
 */
export function ruleGroups(rules: readonly ProvisionedRule[]) {
  const group = (about: string, interval: string) => ({
    orgId: 1,
    name: about,
    folder: FOLDER,
    interval,
    rules: rules.filter(({ labels }) => labels['about'] === about),
  });
  return { apiVersion: 1, groups: [group('market', '10s'), group('pipeline', '1m')] };
}

/** Where alerts go: two addresses from the environment of Grafana, which are never written down here. */
export function contactPoints() {
  const webhook = (name: string, uid: string, variable: string) => ({
    orgId: 1,
    name,
    receivers: [
      { uid, type: 'webhook', settings: { url: `\${${variable}}` }, disableResolveMessage: name === MARKET },
    ],
  });
  return {
    apiVersion: 1,
    contactPoints: [
      webhook(MARKET, 'kandle-market', 'KANDLE_MARKET_WEBHOOK'),
      webhook(PIPELINE, 'kandle-pipeline', 'KANDLE_PIPELINE_WEBHOOK'),
    ],
  };
}

/** The whole tree of notification policies: provisioning replaces it as one. */
export function policies() {
  return {
    apiVersion: 1,
    policies: [
      {
        orgId: 1,
        receiver: PIPELINE,
        group_by: ['alertname', 'feed'],
        group_wait: '30s',
        group_interval: '5m',
        repeat_interval: '4h',
        routes: [
          {
            receiver: MARKET,
            object_matchers: [['about', '=', 'market']],
            // Each signal by itself and at once; one that was told is not told again.
            group_by: ['...'],
            group_wait: '0s',
            group_interval: '1m',
            repeat_interval: '1d',
          },
        ],
      },
    ],
  };
}
