import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { makeBundle, stopBundler } from '@kandle/build/bundle';
import { REPO_ROOT } from '@kandle/tooling/paths';

type Env = Readonly<Record<string, string>>;

/** Whether a command is on this machine. */
export function hasCommand(name: string): boolean {
  return (process.env['PATH'] ?? '')
    .split(delimiter)
    .some((folder) => folder !== '' && filesIn(folder).includes(name));
}

function filesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** Bundles of functions, by name, made by who has these variables. */
export async function bundlesMadeWith(
  env: Env,
  names: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const before = { ...process.env };
  Object.assign(process.env, env);
  try {
    const bundles = await Promise.all(
      names.map(async (name) => [name, Buffer.from((await makeBundle(name)).contents).toString()] as const),
    );
    return new Map(bundles);
  } finally {
    await stopBundler();
    for (const name of Object.keys(env)) delete process.env[name];
    Object.assign(process.env, before);
  }
}

/** What kustomize makes of each overlay, for who has these variables. */
export function manifestsMadeWith(env: Env): ReadonlyMap<string, string> {
  const overlays = join(REPO_ROOT, 'knative', 'overlays');
  return new Map(
    readdirSync(overlays).map((name) => [
      name,
      execFileSync('kubectl', ['kustomize', join(overlays, name)], {
        encoding: 'utf8',
        maxBuffer: 64 * 1_048_576,
        env: { ...process.env, ...env },
      }),
    ]),
  );
}

/** Where terraform/providers.sh puts what it builds. */
const PROVIDERS = join(
  process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'),
  'kandle/terraform-providers',
);

/** Whether Terraform and the providers of all roots are on this machine. */
export function hasTerraform(): boolean {
  return hasCommand('terraform') && filesIn(PROVIDERS).length > 0;
}

/**
 * What Terraform applies in each root whose cloud or cluster is played: providers by Terraform itself, commands
 * by scripts that say all that they know.
 */
const PLAYED: Readonly<Record<string, (planted: string) => string>> = {
  'cluster/openstack': (planted) => `
    mock_provider "openstack" {
      # As the real one does, it reads the administrator's key back.
      mock_resource "openstack_containerinfra_cluster_v1" {
        defaults = { kubeconfig = { client_key = "${planted}" } }
      }
    }
    variables {
      external_network = "public"
      administrators   = ["198.51.100.0/24"]
      image            = "fedora-coreos-43"
      ssh_public_key   = "ssh-ed25519 AAAA you@example.com"
      control_plane    = { count = 3, flavor = "m1.medium" }
      servers          = { count = 3, flavor = "m1.xlarge" }
      functions        = { least = 1, most = 4, flavor = "m1.large" }
      protect_data     = false # or nothing could be cleaned up
    }`,
  operators: () => `
    mock_provider "kubernetes" {}
    mock_provider "helm" {}
    variables {
      context             = "kandle"
      small               = false
      storage_provisioner = "cinder.csi.openstack.org"
      cass_operator_chart = "0.1.0"
    }`,
  pipeline: () => `
    mock_provider "kubernetes" {}
    variables {
      context      = "kandle"
      small        = false
      protect_data = false
    }`,
};

/**
 * The state of every root after `apply`, by name, for who has these variables and a kubeconfig. The one of
 * cluster/local is what Terraform writes; the others are what its own test prints of them.
 *
 * @param adminKey What the cloud answers as the key of the cluster's administrator.
 */
export function statesMadeWith(env: Env, adminKey: string, folder: string): ReadonlyMap<string, string> {
  const bin = join(folder, 'bin');
  mkdirSync(bin);
  writeFileSync(join(bin, 'kind'), '#!/bin/sh\nenv\n', { mode: 0o755 });
  // Nothing of the operators' kinds is left, when that is asked.
  const kubectl = '#!/bin/sh\ncase "$*" in *" get "*) ;; *) env ;; esac\n';
  writeFileSync(join(bin, 'kubectl'), kubectl, { mode: 0o755 });
  const settings = join(folder, 'terraformrc');
  writeFileSync(
    settings,
    `provider_installation {\n  filesystem_mirror {\n    path = "${PROVIDERS}"\n  }\n}\n`,
  );
  for (const part of ['terraform', 'knative', 'grafana'])
    cpSync(join(REPO_ROOT, part), join(folder, part), {
      recursive: true,
      filter: (path) => !/node_modules|\.terraform$|\/tests$/.test(path),
    });
  const terraform = (root: string, ...args: readonly string[]): string =>
    execFileSync('terraform', [`-chdir=${join(folder, 'terraform', root)}`, ...args], {
      encoding: 'utf8',
      maxBuffer: 64 * 1_048_576,
      env: {
        ...process.env,
        ...env,
        PATH: [bin, process.env['PATH']].join(delimiter),
        CHECKPOINT_DISABLE: '1',
        TF_CLI_CONFIG_FILE: settings,
      },
    });
  const states = new Map<string, string>();
  terraform('cluster/local', 'init', '-input=false');
  terraform('cluster/local', 'apply', '-auto-approve', '-input=false');
  states.set(
    'cluster/local',
    readFileSync(join(folder, 'terraform/cluster/local/terraform.tfstate'), 'utf8'),
  );
  for (const [root, test] of Object.entries(PLAYED)) {
    const tests = join(folder, 'terraform', root, 'tests');
    mkdirSync(tests);
    writeFileSync(
      join(tests, 'state.tftest.hcl'),
      `${test(adminKey)}\nrun "state" {\n  command = apply\n}\n`,
    );
    terraform(root, 'init', '-backend=false', '-input=false');
    states.set(root, stateIn(terraform(root, 'test', '-json', '-verbose')));
  }
  return states;
}

/** The state among what `terraform test -json -verbose` prints. */
function stateIn(lines: string): string {
  const line = lines.split('\n').find((one) => one.includes('"type":"test_state"'));
  if (line === undefined) throw new Error(`No state: ${lines}`);
  return line;
}
