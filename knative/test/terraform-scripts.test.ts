import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import { KNATIVE } from '../check/render.ts';

const TERRAFORM = join(KNATIVE, '..', 'terraform');

/**
 * Runs a script of terraform/ on a cluster that a script plays. The contract of kubectl that it plays: `get` of
 * a kind that the cluster does not know ends with code 1 and "the server doesn't have a resource type"; `get`
 * with a jsonpath prints what that asks for, a line each. What it was called with is written down.
 */
function onCluster(script: string, args: readonly string[], answers: string, settings = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'kandle-terraform-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const calls = join(folder, 'calls');
  writeFileSync(calls, '');
  const kubectl = join(folder, 'kubectl');
  writeFileSync(
    kubectl,
    `#!/usr/bin/env bash\nprintf '%s\\n' "$*" >>'${calls}'\ncase "$*" in\n${answers}\nesac\n`,
  );
  chmodSync(kubectl, 0o755);
  const { status, stdout, stderr } = spawnSync(join(TERRAFORM, script), args, {
    encoding: 'utf8',
    env: {
      ...process.env,
      PATH: [folder, process.env['PATH']].join(delimiter),
      KUBECONFIG_FILE: '/home/me/config',
      CONTEXT: 'kind-kandle',
      ...settings,
    },
  });
  return { status, stdout, stderr, calls: readFileSync(calls, 'utf8').trim().split('\n') };
}

const UNKNOWN = `echo "error: the server doesn't have a resource type" >&2; exit 1`;

describe('operators/nothing-left.sh', () => {
  test('lets the operators go when nothing of theirs stands, also where a kind was never installed', () => {
    const run = onCluster('operators/nothing-left.sh', [], `  *kafkasinks*) ${UNKNOWN} ;;`);
    expect(run).toMatchObject({ status: 0, stderr: '' });
    // Always the cluster that was named, never kubectl's own idea of one.
    for (const call of run.calls)
      expect(call).toMatch(/^--kubeconfig \/home\/me\/config --context kind-kandle get /);
  });

  test.each(['kafkatopics', 'cassandradatacenters', 'kafkasources'])(
    'refuses while %s stand, names them and says what to run',
    (kind) => {
      const run = onCluster('operators/nothing-left.sh', [], `  *${kind}*) echo 'Thing kandle/one' ;;`);
      expect(run.status).toBe(1);
      expect(run.stderr).toContain('Thing kandle/one');
      expect(run.stderr).toContain('terraform -chdir=terraform/pipeline destroy');
      expect(run.stderr).toContain('Nothing was destroyed.');
    },
  );

  test('refuses when it cannot see: an unreachable cluster is not an empty one', () => {
    const run = onCluster('operators/nothing-left.sh', [], `  *) echo 'connection refused' >&2; exit 1 ;;`);
    expect(run.status).toBe(1);
    expect(run.stderr).toContain('connection refused');
  });
});

describe('pipeline/operators-there.sh', () => {
  const STANDS = `  *kafkatopics*) echo 'KafkaTopic kandle/market-raw-v1' ;;`;

  test('lets everything go while the operators run, and where nothing stands that wants one', () => {
    const running = onCluster('pipeline/operators-there.sh', [], `${STANDS}\n  *' pods '*) echo pod/one ;;`);
    expect(running).toMatchObject({ status: 0, stderr: '' });
    for (const call of running.calls)
      expect(call).toMatch(/^--kubeconfig \/home\/me\/config --context kind-kandle /);
    expect(onCluster('pipeline/operators-there.sh', [], `  *kafkas*) ${UNKNOWN} ;;`)).toMatchObject({
      status: 0,
      stderr: '',
    });
  });

  test.each([
    ['kafkas.', "Strimzi's cluster operator (namespace strimzi)"],
    ['kafkausers', "Strimzi's entity operator (namespace kafka)"],
    ['cassandradatacenters', 'cass-operator (namespace cass-operator)'],
  ])('refuses while %s stand and no operator runs, names it and says what to run', (kind, operator) => {
    const run = onCluster('pipeline/operators-there.sh', [], `  *${kind}*) echo 'Thing kandle/one' ;;`);
    expect(run.status).toBe(1);
    expect(run.stderr).toContain(`${operator}: Thing kandle/one`);
    expect(run.stderr).toContain('terraform -chdir=terraform/operators apply');
    expect(run.stderr).toContain('Nothing was destroyed.');
  });

  test.each([
    ['what stands', `  *) echo 'connection refused' >&2; exit 1 ;;`],
    ['what runs', `${STANDS}\n  *' pods '*) echo 'connection refused' >&2; exit 1 ;;`],
  ])('refuses when it cannot see %s', (_, answers) => {
    const run = onCluster('pipeline/operators-there.sh', [], answers);
    expect(run.status).toBe(1);
    expect(run.stderr).toContain('connection refused');
  });
});

describe('protect.sh', () => {
  test('moves what stands from one name to the other, each resource once', () => {
    const folder = mkdtempSync(join(tmpdir(), 'kandle-terraform-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const calls = join(folder, 'calls');
    const list = [
      'a.kubernetes_manifest.protected["x/1"]',
      'a.kubernetes_manifest.protected["x/2"]',
      'b.other',
    ];
    writeFileSync(
      join(folder, 'terraform'),
      `#!/bin/sh\ncase "$*" in *' list') printf '%s\\n' ${list.map((one) => `'${one}'`).join(' ')} ;; *) echo "$*" >>'${calls}' ;; esac\n`,
      { mode: 0o755 },
    );
    const env = { ...process.env, PATH: [folder, process.env['PATH']].join(delimiter) };
    const run = spawnSync(join(TERRAFORM, 'protect.sh'), ['pipeline', 'off'], { encoding: 'utf8', env });
    expect(run).toMatchObject({ status: 0, stderr: '' });
    const from = 'a.kubernetes_manifest.protected';
    expect(readFileSync(calls, 'utf8')).toMatch(
      new RegExp(`^-chdir=\\S+/pipeline state mv ${from} a.kubernetes_manifest.free\n$`),
    );
    expect(spawnSync(join(TERRAFORM, 'protect.sh'), ['pipeline'], { env }).status).toBe(2);
  });
});

describe('modules/kafka/operator/check-stored-versions.sh', () => {
  const check = (stored: string, TARGET: string) =>
    onCluster('modules/kafka/operator/check-stored-versions.sh', [], `  *) printf '${stored}' ;;`, {
      TARGET,
    });

  test('refuses 1.0 while a kind stores something before v1, and names it', () => {
    const stored = 'kafkas.kafka.strimzi.io ["v1beta2","v1"]\\nkafkatopics.kafka.strimzi.io ["v1"]\\n';
    const run = check(stored, '1.0.1');
    expect(run.status).toBe(1);
    expect(run.stderr).toContain('kafkas.kafka.strimzi.io');
    expect(run.stderr).not.toContain('kafkatopics');
    expect(run.stderr).toContain('convert');
  });

  test.each([
    ['an empty cluster', '', '1.0.1'],
    ['v1 alone', 'kafkas.kafka.strimzi.io ["v1"]\\n', '1.0.1'],
    ['an operator that still knows the older ones', 'kafkas.kafka.strimzi.io ["v1beta2"]\\n', '0.51.0'],
  ])('lets through: %s', (_, stored, target) => {
    expect(check(stored, target)).toMatchObject({ status: 0, stderr: '' });
  });

  test('fails where the cluster does not answer', () => {
    const run = onCluster(
      'modules/kafka/operator/check-stored-versions.sh',
      [],
      `  *) echo 'connection refused' >&2; exit 1 ;;`,
      { TARGET: '1.0.1' },
    );
    expect(run.status).not.toBe(0);
    expect(run.stderr).toContain('connection refused');
  });
});

describe('modules/knative/knative.sh', () => {
  const RELEASE = 'knative-v1.23.0';
  const files = (calls: readonly string[], verb: string): readonly string[] =>
    calls.flatMap((call) => (call.includes(` ${verb} `) ? (/-f (\S+)$/.exec(call)?.slice(1) ?? []) : []));

  test('installs kinds first, waits for them, and removes in the opposite order', () => {
    const install = onCluster('modules/knative/knative.sh', ['install'], '', { RELEASE });
    expect(install.status).toBe(0);
    const installed = files(install.calls, 'apply');
    expect(installed).toHaveLength(8);
    expect(installed.every((file) => file.includes(`/${RELEASE}/`))).toBe(true);
    const crds = install.calls.findIndex((call) => /apply .*serving-crds/.test(call));
    expect(install.calls[crds + 1]).toMatch(/wait --for=condition=Established .*serving-crds/);

    const remove = onCluster('modules/knative/knative.sh', ['remove'], '', { RELEASE });
    expect(files(remove.calls, 'delete')).toEqual(installed.toReversed());
  });

  test('ends at the first file that the cluster refuses', () => {
    const run = onCluster('modules/knative/knative.sh', ['install'], `  *eventing-core*) exit 1 ;;`, {
      RELEASE,
    });
    expect(run.status).not.toBe(0);
    expect(run.calls.at(-1)).toContain('eventing-core');
  });
});

describe('knative/kafka-source-settings.sh', () => {
  const installed =
    'fetch.min.bytes=1\n# ssl.protocol=\nmax.partition.fetch.bytes=65536\nmax.poll.records=50\n';

  /** Plays a cluster whose sources have these properties; a patch is kept. */
  function settingsOn(properties: string | null) {
    const folder = mkdtempSync(join(tmpdir(), 'kandle-settings-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const patch = join(folder, 'patch.yaml');
    writeFileSync(join(folder, 'properties'), properties ?? '');
    const run = onCluster(
      '../knative/kafka-source-settings.sh',
      ['--context', 'kind-kandle'],
      `  *' get '*) ${properties === null ? 'echo "not found" >&2; exit 1' : `cat '${folder}/properties'`} ;;
  *' patch '*) cp "\${@: -1}" '${patch}' ;;`,
    );
    const patched: unknown = existsSync(patch) ? parse(readFileSync(patch, 'utf8')) : null;
    return { ...run, patched };
  }

  test('sets one number, leaves the rest as it is, and starts the dispatcher again', () => {
    const run = settingsOn(installed);
    expect(run).toMatchObject({ status: 0, stderr: '' });
    expect(run.patched).toEqual({
      data: {
        'config-kafka-source-consumer.properties': installed.replace('65536', '262144'),
      },
    });
    expect(run.calls.at(-1)).toMatch(/ rollout restart statefulset\/kafka-source-dispatcher$/);
    for (const call of run.calls)
      expect(call).toMatch(/^--context kind-kandle --namespace knative-eventing /);
  });

  test.each([
    ['it is set already', installed.replace('65536', '262144')],
    ['an administrator has set more', installed.replace('65536', '1048576')],
    ['nothing is set, so that the 1 MiB of Kafka hold', 'fetch.min.bytes=1\n'],
  ])('changes nothing where %s', (_, properties) => {
    const run = settingsOn(properties);
    expect(run).toMatchObject({ status: 0, patched: null });
    expect(run.calls).toHaveLength(1);
  });

  test('says what is missing where there is no KafkaSource', () => {
    const run = settingsOn(null);
    expect(run.status).toBe(1);
    expect(run.stderr).toContain('is KafkaSource installed?');
  });
});
