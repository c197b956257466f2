import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import {
  CASSANDRA_COMPONENTS,
  cassandraSecretOf,
  KAFKA_COMPONENTS,
  kafkaSecretOf,
} from '@kandle/security/names';
import { describe, expect, onTestFinished, test } from 'vitest';
import { BASE_FOLDER } from '../src/read-plan.ts';
import { workloadsOf } from '../src/workloads.ts';
import { hasKubectl, KNATIVE, overlayNames, render } from '../check/render.ts';
import { parseRendered } from '../check/rules.ts';

function dryRun(script: string, args: readonly string[]): string {
  return execFileSync(join(KNATIVE, script), [...args, '--dry-run'], { encoding: 'utf8' });
}

function imagesOf(overlay: string): readonly string[] {
  const { manifests } = parseRendered(render(join(KNATIVE, 'overlays', overlay)));
  return workloadsOf(manifests).map(({ container }) => container.image);
}

describe.skipIf(!hasKubectl())(`scripts${hasKubectl() ? '' : ' (skipped: there is no kubectl here)'}`, () => {
  test.each([
    ['kind', ['--kind', 'kind']],
    ['minikube', ['--minikube']],
    ['production', ['--registry', 'registry.example.com', '--tag', '0.1.0', '--push']],
  ] as const)('images.sh builds every image that the overlay %s names', (overlay, args) => {
    const built = new Set([...dryRun('images.sh', args).matchAll(/^== (.+)$/gm)].map(([, image]) => image));
    for (const image of imagesOf(overlay)) expect([...built]).toContain(image);
  });

  test('images.sh keeps what V8 compiled, unless it is told not to', () => {
    const build = (more: readonly string[]): string =>
      dryRun('images.sh', ['--kind', 'kind', ...more, 'transform']);
    expect(build([])).toMatch(/--build-arg CODE_CACHE=on /);
    expect(build(['--no-code-cache'])).toMatch(/--build-arg CODE_CACHE=off /);
  });

  test.each(overlayNames())('deploy.sh takes its steps in order, for %s', (overlay) => {
    const text = dryRun('deploy.sh', ['--overlay', overlay]);
    const steps = [...text.matchAll(/^== (.+)$/gm)].map(([, step]) => step);
    expect(steps).toEqual([
      'namespaces',
      'servers: this takes minutes the first time',
      'settings and topics',
      'schema',
      'functions',
      'event sources, ingest and the rest',
      'done',
    ]);
    // Each function by kn, and never by kubectl.
    const functions = [
      ...text.matchAll(/^\+ kn service apply (\S+) .*_serving\.knative\.dev_v1_service_\1\.yaml/gm),
    ];
    expect(functions.length).toBeGreaterThan(2);
    expect(text).not.toMatch(/^\+ kubectl apply .*_serving\.knative\.dev/m);
  });

  test('kafka-setup-k8s.sh makes the topics of knative/base, as they stand there', () => {
    const text = dryRun('kafka-setup-k8s.sh', [
      '--bootstrap',
      'kafka.example.com:9093',
      '--replication',
      '1',
    ]);
    const lines = [...text.matchAll(/^ {4}(market\.\S+) (\d+) (\S+)$/gm)].map(
      ([, name, partitions, settings]) => ({
        name,
        partitions: Number(partitions),
        config: Object.fromEntries((settings ?? '').split(',').map((pair) => pair.split('='))),
      }),
    );
    const topics = parseRendered(render(BASE_FOLDER)).manifests.KafkaTopic.map(({ resource }) => resource);
    expect(lines.length).toBeGreaterThan(5);
    expect(lines).toEqual(
      topics.map(({ spec }) => ({
        name: spec.topicName,
        partitions: spec.partitions,
        config: Object.fromEntries(Object.entries(spec.config).map(([key, held]) => [key, String(held)])),
      })),
    );
  });

  test('deploy.sh --restore sets the group back before the schema, and lets notify wait for a clean audit', () => {
    const text = dryRun('deploy.sh', ['--overlay', 'kind', '--restore', '--since', '7d']);
    const order = [
      /patch kafkasource transform consumers: 0/,
      /job restore-begin: --begin --yes --wait 5m --since 7d/,
      /^== schema$/m,
      /kubectl wait .*_kafkasource_transform/,
      /job restore-end: --end --within 6h/,
      /kubectl apply .*_kafkasource_notify/,
    ].map((one) => text.search(one));
    expect(order[0]).toBeGreaterThan(0);
    expect(order).toEqual(order.toSorted((a, b) => a - b));
    expect(text).not.toMatch(/kubectl wait .*_kafkasource_notify/);
  });

  test('deploy.sh --delete empties the groups of the sources before it deletes them', () => {
    const text = dryRun('deploy.sh', ['--overlay', 'kind', '--delete']);
    const order = [
      /patch kafkasource notify consumers: 0/,
      /^\+ sleep 10$/m,
      /delete .*_kafkasource_notify/,
    ].map((one) => text.search(one));
    expect(order[0]).toBeGreaterThan(0);
    expect(order).toEqual(order.toSorted((a, b) => a - b));
  });

  /**
   * Runs deploy.sh on a cluster that a script plays. The contract of kubectl that it plays, as kubectl 1.3x has
   * it: `get … --output json` prints a list with `items`; `wait` and `rollout status` end with code 1 when
   * their time is over; `logs` prints the log; `get events` prints the lines that its jsonpath asks for;
   * everything else works and says nothing.
   */
  function deployTo(answers: string, args: readonly string[]) {
    const folder = mkdtempSync(join(tmpdir(), 'kandle-kubectl-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const real = execFileSync('which', ['kubectl'], { encoding: 'utf8' }).trim();
    const script = `#!/usr/bin/env bash\ncase "$*" in\n  kustomize*) exec ${real} "$@" ;;\n${answers}\nesac\n`;
    for (const [name, text] of [
      ['kubectl', script],
      ['kn', '#!/usr/bin/env bash\n'],
    ] as const) {
      writeFileSync(join(folder, name), text);
      chmodSync(join(folder, name), 0o755);
    }
    return spawnSync(join(KNATIVE, 'deploy.sh'), ['--overlay', 'kind', ...args], {
      encoding: 'utf8',
      env: {
        ...process.env,
        PATH: [folder, process.env['PATH']].join(delimiter),
        KANDLE_SAY_EVERY: '1',
      },
    });
  }

  const SENDERS_READY = [
    `'get configmap'*config-features*) echo Enabled ;;`,
    `'get --raw /.well-known/openid-configuration') echo '{"issuer":"https://kubernetes.default.svc.cluster.local","jwks_uri":"x"}' ;;`,
  ];

  test.each<[string, readonly string[], RegExp]>([
    [
      'Eventing gives no identity',
      [],
      /Eventing gives its sources no identity: set authentication-oidc: enabled/,
    ],
    [
      'the issuer is another',
      [
        SENDERS_READY[0] ?? '',
        `'get --raw /.well-known'*) echo '{"issuer":"https://oidc.example.com/id/1"}' ;;`,
      ],
      /the cluster's tokens are made by https:\/\/oidc\.example\.com\/id\/1: put that at OIDC_ISSUER/,
    ],
    [
      'the address of the API is not filled in',
      [...SENDERS_READY, `'get endpointslices'*) echo '172.18.0.2' ;;`],
      /to-cluster-api leads nowhere: put the addresses of the cluster's API there \(172\.18\.0\.2\)/,
    ],
  ])('deploy.sh applies nothing, when senders are checked and %s', (_, answers, says) => {
    const run = deployTo(`  'apply'*) echo applied ;;\n  ${answers.join('\n  ')}`, [
      '--overlay',
      'production',
    ]);
    expect(run.status).toBe(1);
    expect(run.stderr).toMatch(says);
    expect(run.stdout).not.toContain('applied');
  });

  test.each([
    ['65536', /^A backlog goes .* after knative\/kafka-source-settings\.sh/m],
    ['262144', /^(?![^]*kafka-source-settings)/],
  ])('deploy.sh says what is left to do, where a poll of KafkaSource brings %s bytes', (bytes, says) => {
    const run = deployTo(
      `  'get configmap config-kafka-source-data-plane'*) echo 'max.partition.fetch.bytes=${bytes}' ;;
  'get job'*) echo 'SuccessCriteriaMet Complete ' ;;`,
      [],
    );
    expect(run).toMatchObject({ status: 0, stderr: '' });
    expect(run.stdout).toMatch(says);
  });

  test('deploy.sh says what it waits for, the last line of its log, and at the end the page of the runbook', () => {
    const run = deployTo(
      `  'rollout status'*) sleep 3; echo 'error: timed out waiting for the condition' >&2; exit 1 ;;
  'get job'*) echo 'SuccessCriteriaMet Complete ' ;;
  'logs'*'statefulset/ingest'*) echo 'an older line'; echo 'the feed refuses the key: 401' ;;`,
      [],
    );
    expect(run.stdout).toMatch(/^ {3}waiting for ingest, \d+ s of 900: the feed refuses the key: 401$/m);
    expect(run.stderr).toMatch(
      /^deploy\.sh: ingest did not get ready within 900 s\. Look at docs\/runbook\/ingest-not-ready\.md/m,
    );
    expect(run.status).toBe(1);
  });

  test('deploy.sh names the resource that does not get ready, and the newest event of its namespace', () => {
    const run = deployTo(
      `  'wait'*kafkatopic_market-raw*) sleep 2; exit 1 ;;
  'get events --namespace kandle '*) echo 'market-raw-v1: no operator has looked at it' ;;`,
      [],
    );
    expect(run.stdout).toMatch(
      /^ {3}waiting for kafkatopic market-raw-v1, \d+ s of 900: market-raw-v1: no operator has looked at it$/m,
    );
    expect(run.stderr).toMatch(
      /kafkatopic market-raw-v1 did not get ready .* docs\/runbook\/deployment-hangs\.md/,
    );
    expect(run.status).toBe(1);
  });

  test('deploy.sh does not wait for a schema Job that has failed, and shows its word', () => {
    const run = deployTo(
      `  'get job'*) echo 'FailureTarget Failed ' ;;
  'logs'*'job/schema'*) echo 'schema: Cannot apply the schema: the keyspace kandle is empty' ;;
  'get events'*) echo 'nothing of interest' ;;`,
      [],
    );
    expect(run.stderr).toContain('schema: Cannot apply the schema: the keyspace kandle is empty');
    expect(run.stderr).toMatch(/the Job schema did not get ready/);
    expect(run.stdout).not.toContain('== functions');
    expect(run.status).toBe(1);
  });

  test.each([
    [
      'a cluster of 6 CPUs and 12 GB',
      '6',
      '12Gi',
      0,
      /it starts, but functions at their most would wait|asks for/,
    ],
    ['one of 2 CPUs and 4 GB', '2', '4Gi', 1, /it does not fit: .* are missing/],
  ] as const)(
    'deploy.sh --check holds the overlay against %s, and applies nothing',
    (_, cpu, memory, status, says) => {
      const node = { metadata: { name: 'n' }, spec: {}, status: { allocatable: { cpu, memory } } };
      const pod = {
        metadata: { namespace: 'kube-system' },
        spec: {
          nodeName: 'n',
          containers: [{ resources: { requests: { cpu: '850m', memory: '290Mi' } } }],
          initContainers: [{ resources: {} }],
        },
        status: { phase: 'Running' },
      };
      const run = deployTo(
        `  'get nodes'*) echo '${JSON.stringify({ items: [node] })}' ;;
  'get pods'*) echo '${JSON.stringify({ items: [pod, { ...pod, status: { phase: 'Succeeded' } }] })}' ;;
  *) echo "not asked for: $*" >&2; exit 9 ;;`,
        ['--check'],
      );
      expect(run.stderr).toBe('');
      expect(run.stdout).toMatch(says);
      expect(run.stdout).toContain(`${(Number(cpu) - 0.85).toFixed(2)} CPUs`);
      expect(run.status).toBe(status);
    },
  );

  /** Runs make-secrets.sh for the production overlay, with a kubectl that keeps each Secret in a file. */
  function makeSecrets(logins: Readonly<Record<string, string>>) {
    const folder = mkdtempSync(join(tmpdir(), 'kandle-secrets-'));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    const real = execFileSync('which', ['kubectl'], { encoding: 'utf8' }).trim();
    const script = `#!/usr/bin/env bash
case "$*" in
  kustomize*) exec ${real} "$@" ;;
  'get secret'*'-o yaml') exec cat "${folder}/made-$4-$5" ;;
  'get secret'*) exec test -e "${folder}/made-$4-$5" ;;
  'create -f -') text=$(cat) && at() { sed -n "s/^  $1: //p" <<<"$text"; } && printf '%s\\n' "$text" >"${folder}/made-$(at namespace)-$(at name)" ;;
esac
`;
    for (const [name, text] of Object.entries({ kubectl: script, key: 'the key' }))
      writeFileSync(join(folder, name), text, { mode: 0o755 });
    for (const [secret, password] of Object.entries(logins)) {
      mkdirSync(join(folder, 'logins', secret), { recursive: true });
      writeFileSync(join(folder, 'logins', secret, 'password'), password);
    }
    const args = ['--overlay', 'production', '--finnhub-token', join(folder, 'key')];
    if (Object.keys(logins).length > 0) args.push('--logins', join(folder, 'logins'));
    const run = spawnSync(join(KNATIVE, 'make-secrets.sh'), args, {
      encoding: 'utf8',
      env: { ...process.env, PATH: [folder, process.env['PATH']].join(delimiter) },
    });
    const made = readdirSync(folder).flatMap((file) => {
      if (!file.startsWith('made-')) return [];
      const [, password = ''] = /^  password: (.*)$/m.exec(readFileSync(join(folder, file), 'utf8')) ?? [];
      return [[file.slice('made-'.length), Buffer.from(password, 'base64').toString()] as const];
    });
    return { ...run, made: new Map(made) };
  }

  const LOGINS = [
    ...KAFKA_COMPONENTS.map(kafkaSecretOf),
    ...['admin', ...CASSANDRA_COMPONENTS].map(cassandraSecretOf),
  ];

  test('make-secrets.sh makes a login with a password of its own for each part, and the same where cass-operator looks', () => {
    const { made, status, stderr, stdout } = makeSecrets({});
    expect(stderr).toBe('');
    expect(status).toBe(0);
    const own = LOGINS.map((name) => made.get(`kandle-${name}`) ?? '');
    expect(own.every((password) => password.length === 32)).toBe(true);
    expect(new Set(own).size).toBe(LOGINS.length);
    for (const name of LOGINS.filter((one) => one.startsWith('cassandra-')))
      expect(made.get(`cassandra-${name}`)).toBe(made.get(`kandle-${name}`));
    expect(own.filter((password) => stdout.includes(password))).toEqual([]);
  });

  test('make-secrets.sh takes every password from the folder of logins, and none where one is missing there', () => {
    const logins = Object.fromEntries(LOGINS.map((name) => [name, `password of ${name}`]));
    const { made } = makeSecrets(logins);
    for (const name of LOGINS) expect(made.get(`kandle-${name}`)).toBe(logins[name]);
    delete logins['kafka-signal'];
    const short = makeSecrets(logins);
    expect(short.status).toBe(1);
    expect(short.stderr).toMatch(/there is no kafka-signal\/password in /);
    expect(LOGINS.filter((name) => short.made.get(`kandle-${name}`) === '')).toEqual([]);
    expect(short.made.has('kandle-kafka-signal')).toBe(false);
  });

  test('deploy.sh --delete keeps topics, servers, namespaces and secrets; with the data, it takes topics away before Kafka', () => {
    const kept = dryRun('deploy.sh', ['--overlay', 'production', '--delete']);
    expect(kept).toMatch(/_kafkasource_/);
    expect(kept).not.toMatch(
      /_kafkatopic_|_kafkauser_|_persistentvolumeclaim_|_cassandradatacenter_|_namespace_|_kafka_kandle/,
    );
    // A topic is held by a finalizer until Strimzi has deleted it in Kafka, a source until its group is deleted
    // there.
    const order = [/_kafkasource_/, /_kafkatopic_/, /_kafkauser_/, / -k overlays\/production/].map((one) =>
      dryRun('deploy.sh', ['--overlay', 'production', '--delete', '--with-data']).search(one),
    );
    expect(order[0]).toBeGreaterThan(0);
    expect(order).toEqual(order.toSorted((a, b) => a - b));
  });

  test.each([
    [['deploy.sh'], /--overlay is missing: kind minikube production/],
    [['deploy.sh', '--overlay', 'prodution'], /there is no overlay prodution/],
    [['deploy.sh', '--overlay'], /--overlay wants a value/],
    [['deploy.sh', '--overly', 'kind'], /there is no option --overly/],
    [['deploy.sh', '--overlay', 'kind', '--with-data'], /--with-data wants --delete/],
    [['deploy.sh', '--overlay', 'kind', '--since', '7d'], /--since wants --restore/],
    [['deploy.sh', '--overlay', 'kind', '--restore', '--within', 'long'], /--within wants a duration/],
    [['kafka-setup-k8s.sh', '--bootstrap', 'kafka'], /--bootstrap wants HOST:PORT/],
    [['images.sh'], /where to\?/],
    [['images.sh', '--push'], /--push wants --registry/],
    [['make-secrets.sh', '--overlay', 'x'], /expected one of kind minikube production/],
  ] as const)('%j ends with a line that says what is wrong', ([script, ...args], says) => {
    const run = spawnSync(join(KNATIVE, script), args, { encoding: 'utf8' });
    expect(run.status).toBe(1);
    expect(run.stderr).toMatch(says);
  });

  test.each(['deploy.sh', 'images.sh', 'make-secrets.sh', 'kafka-setup-k8s.sh'])(
    '%s --help says how it is used',
    (script) => {
      expect(execFileSync(join(KNATIVE, script), ['--help'], { encoding: 'utf8' })).toMatch(
        /^Usage: knative\//,
      );
    },
  );
});
