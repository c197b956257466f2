import { expect, test } from 'vitest';
import { checkClusterConfig, checkWithPromtool, hasPromtool } from '../check/promtool.ts';

// Where there is no promtool these are skipped, and shown as such.
test.skipIf(!hasPromtool()).each([
  ['check', 'rules', 'alerts.yaml', 'recording.yaml'],
  ['check', 'config', 'prometheus-laptop.yaml'],
  ['test', 'rules', 'alerts.test.yaml', 'recording.test.yaml'],
])('promtool has nothing against: %s %s %s %s', (...args) => {
  expect(checkWithPromtool(...args)).toBeNull();
});

test.skipIf(!hasPromtool())('promtool has nothing against the configuration for a cluster', () => {
  expect(checkClusterConfig('prometheus.yaml')).toBeNull();
});
