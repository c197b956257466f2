import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, loadavg, tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ROOT } from '../../bundle.ts';
import { type ApiServer, startApiServer } from './api-server.ts';
import { playCharts } from './played-charts.ts';
import { type PlayedOperators, playOperators } from './played-operators.ts';

/**
 * `npm run test:terraform`: the roots `operators` and `pipeline` against a real Kubernetes API server, with the
 * real providers. Played: the operators (`played-operators.ts`), the charts (`played-charts.ts`), and Knative's
 * release files, which a script in the place of kubectl swallows; all else of kubectl is real.
 *
 * KUBE_APISERVER names the program; etcd, kubectl and terraform are found by name, the providers where
 * terraform/providers.sh puts them.
 */
const program = process.env['KUBE_APISERVER'] ?? '';
const providers = join(
  process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'),
  'kandle/terraform-providers',
);
const why = ((): string | null => {
  if (!existsSync(program)) return 'KUBE_APISERVER names no program';
  if (!existsSync(providers)) return 'terraform/providers.sh was not run';
  const missing = ['etcd', 'kubectl', 'terraform'].filter(
    (name) => spawnSync(name, ['--help']).error !== undefined,
  );
  return missing.length === 0 ? null : `there is no ${missing.join(', ')}`;
})();

const folder = mkdtempSync(join(tmpdir(), 'kandle-terraform-'));
const TOKEN = `planted-token-${randomBytes(9).toString('hex')}`;
const PASSWORD = `planted-password-${randomBytes(9).toString('hex')}`;
/** How long the operators leave a finalizer where it is. */
const LATE_MS = 5_000;
const VARIABLES: Readonly<Record<string, readonly string[]>> = {
  operators: [
    'small=false',
    'cass_operator_chart=0.1.0',
    'storage_provisioner=cinder.csi.openstack.org',
    'context=kandle',
  ],
  pipeline: ['small=false', 'context=kandle'],
};
/** A refused destroy has taken the root's outputs out of the state, and no more. */
const ONLY_OUTPUTS = /Changes to Outputs[^]*without changing any real infrastructure/;
const seen: string[] = [];

describe.skipIf(why !== null)(
  `terraform on a real API server${why === null ? '' : ` (skipped: ${why})`}`,
  () => {
    let server: ApiServer;
    let operators: PlayedOperators;
    let endCharts: () => void = () => undefined;

    /** Runs Terraform in a root, and says how it ended and how long it took; operators go on meanwhile. */
    async function terraform(root: string, verb: string, ...more: readonly string[]) {
      const startedMs = performance.now();
      const child = spawn(
        'terraform',
        [
          `-chdir=${join(folder, 'terraform', root)}`,
          verb,
          ...(verb === 'state' ? [] : ['-no-color']),
          ...more,
        ],
        {
          stdio: ['ignore', 'pipe', 'pipe'],
          env: {
            ...process.env,
            PATH: [join(folder, 'bin'), process.env['PATH']].join(delimiter),
            CHECKPOINT_DISABLE: '1',
            TF_CLI_CONFIG_FILE: join(folder, 'terraformrc'),
            TF_VAR_kubeconfig: server.kubeconfig,
            // As somebody might have it around.
            KAFKA_SASL_PASSWORD: PASSWORD,
            TF_VAR_password: PASSWORD,
          },
        },
      );
      let text = '';
      for (const stream of [child.stdout, child.stderr])
        stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
      const [status] = (await once(child, 'close')) as [number | null];
      const tookMs = performance.now() - startedMs;
      seen.push(
        `${root}: ${verb} ended with ${status} after ${(tookMs / 1_000).toFixed(0)} s (load ${loadavg()[0]?.toFixed(0)})`,
      );
      return { status, tookMs, text };
    }

    /** The same with the root's variables. */
    function run(root: string, verb: 'apply' | 'plan' | 'destroy', ...more: readonly string[]) {
      const settings = [...(VARIABLES[root] ?? []), ...more].map((one) => `-var=${one}`);
      const how = verb === 'plan' ? '-detailed-exitcode' : '-auto-approve';
      return terraform(root, verb, '-input=false', how, ...settings);
    }

    beforeAll(async () => {
      server = await startApiServer(program, TOKEN, join(folder, 'server'));
      operators = await playOperators(server.url, LATE_MS);
      for (const part of ['terraform', 'knative', 'grafana'])
        cpSync(join(ROOT, part), join(folder, part), {
          recursive: true,
          filter: (path) => !/node_modules|\.terraform$|\/tests$/.test(path),
        });
      const charts = await playCharts(join(folder, 'terraform'), join(folder, 'charts'));
      endCharts = () => charts.end();
      const kubectl = execFileSync('sh', ['-c', 'command -v kubectl'], { encoding: 'utf8' }).trim();
      mkdirSync(join(folder, 'bin'));
      writeFileSync(
        join(folder, 'bin', 'kubectl'),
        `#!/bin/sh\ncase "$*" in *https://github.com/*|*knative-serving*|*kourier-system*|*knative-eventing*) exit 0 ;; esac\nexec ${kubectl} "$@"\n`,
        { mode: 0o755 },
      );
      writeFileSync(
        join(folder, 'terraformrc'),
        `provider_installation {\n  filesystem_mirror {\n    path = "${providers}"\n  }\n}\n`,
      );
      for (const root of ['operators', 'pipeline'])
        expect(await terraform(root, 'init', '-input=false')).toMatchObject({ status: 0 });
    }, 600_000);

    afterAll(async () => {
      endCharts();
      await operators?.end().catch(() => undefined);
      await server?.end();
      if (process.env['KEEP'] === undefined) rmSync(folder, { recursive: true, force: true });
      writeFileSync(1, `${seen.join('\n')}\n`);
    }, 60_000);

    test('operators: applied, and a second plan is empty', async () => {
      const applied = await run('operators', 'apply');
      expect(applied.text).toMatch(/Apply complete! Resources: \d+ added, 0 changed, 0 destroyed/);
      expect(await run('operators', 'plan')).toMatchObject({ status: 0 });
      for (const operator of ['strimzi', 'entity', 'cassandra'] as const) await operators.start(operator);
      // As knative/make-secrets.sh makes them in between.
      for (const namespace of ['kandle', 'kafka', 'cassandra', 'monitoring']) {
        const response = await fetch(`${server.url}/api/v1/namespaces/${namespace}/secrets`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ metadata: { name: 'logins' }, stringData: { password: PASSWORD } }),
        });
        expect(response.status).toBe(201);
      }
    }, 600_000);

    test('pipeline: applied with its data protected, and a second plan is empty', async () => {
      const applied = await run('pipeline', 'apply');
      expect(applied.text).toMatch(/Apply complete! Resources: \d+ added, 0 changed, 0 destroyed/);
      expect(await run('pipeline', 'plan')).toMatchObject({ status: 0 });
      const standing = await operators.standing();
      expect(standing).toEqual(
        expect.arrayContaining([
          'cassandradatacenter/cassandra/dc1',
          'kafka/kafka/kandle',
          'kafkatopic/kandle/market-raw-v1',
          'kafkauser/kandle/kandle-ingest',
        ]),
      );
    }, 900_000);

    test('no secret is in their states', () => {
      for (const [root, something] of [
        ['operators', 'strimzi-kafka-operator'],
        ['pipeline', 'market-raw-v1'],
      ] as const) {
        const state = readFileSync(join(folder, 'terraform', root, 'terraform.tfstate'), 'utf8');
        expect(state).toContain(something);
        for (const secret of [TOKEN, PASSWORD])
          for (const form of [secret, Buffer.from(secret).toString('base64').slice(0, -4)])
            expect([root, state.includes(form)]).toEqual([root, false]);
      }
    });

    test('operators are not destroyed while something of their kinds stands: it fails at once and says what to run', async () => {
      const before = await operators.standing();
      const refused = await run('operators', 'destroy');
      expect(refused.status).toBe(1);
      expect(refused.tookMs).toBeLessThan(60_000);
      expect(refused.text).toContain('terraform -chdir=terraform/pipeline destroy');
      expect(refused.text).toContain('Nothing was destroyed.');
      expect(await operators.standing()).toEqual(before);
      expect((await run('operators', 'plan')).text).toMatch(ONLY_OUTPUTS);
    }, 300_000);

    test('protected data is not destroyed, and nothing stands between its protection and its end but protect.sh', async () => {
      const before = await operators.standing();
      const refused = await run('pipeline', 'destroy');
      expect(refused.status).toBe(1);
      expect(refused.text).toContain('prevent_destroy');
      expect(await operators.standing()).toEqual(before);
      const { status } = spawnSync(join(folder, 'terraform', 'protect.sh'), ['pipeline', 'off'], {
        env: { ...process.env, TF_CLI_CONFIG_FILE: join(folder, 'terraformrc'), CHECKPOINT_DISABLE: '1' },
      });
      expect(status).toBe(0);
      expect(await run('pipeline', 'plan', 'protect_data=false')).toMatchObject({ status: 0 });
    }, 300_000);

    test('without an operator the pipeline is not destroyed: it fails at once and says what to run', async () => {
      await operators.stop('entity');
      const before = await operators.standing();
      const refused = await run('pipeline', 'destroy', 'protect_data=false');
      expect(refused.status).toBe(1);
      expect(refused.tookMs).toBeLessThan(60_000);
      expect(refused.text).toContain("Strimzi's entity operator");
      expect(refused.text).toContain('terraform -chdir=terraform/operators apply');
      expect(await operators.standing()).toEqual(before);
      await operators.start('entity');
      expect((await run('pipeline', 'plan', 'protect_data=false')).text).toMatch(ONLY_OUTPUTS);
    }, 300_000);

    test('destroyed in order, with finalizers that go late, nothing is left', async () => {
      const pipeline = await run('pipeline', 'destroy', 'protect_data=false');
      expect(pipeline.text).toMatch(/Destroy complete! Resources: \d+ destroyed/);
      expect(pipeline.tookMs).toBeGreaterThan(LATE_MS);
      expect(await operators.standing()).toEqual([]);
      const rest = await run('operators', 'destroy');
      expect(rest.text).toMatch(/Destroy complete! Resources: \d+ destroyed/);
      for (const root of ['operators', 'pipeline'])
        expect((await terraform(root, 'state', 'list')).text.trim()).toBe('');
      for (const path of ['kandle', 'kafka', 'cassandra'])
        expect((await fetch(`${server.url}/api/v1/namespaces/${path}`)).status).toBe(404);
    }, 900_000);
  },
);
