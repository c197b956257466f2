import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
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

/**
 * The state that Terraform writes of a cluster on one's own machine, for who has these variables: `apply` is
 * real, and a script stands in for `kind`, which says all that it knows.
 */
export function stateMadeWith(env: Env, folder: string): string {
  const root = join(folder, 'root');
  const bin = join(folder, 'bin');
  cpSync(join(REPO_ROOT, 'terraform', 'cluster', 'local'), root, { recursive: true });
  mkdirSync(bin);
  writeFileSync(join(folder, 'terraformrc'), '');
  writeFileSync(join(bin, 'kind'), '#!/bin/sh\nenv\n', { mode: 0o755 });
  const terraform = (...args: readonly string[]): string =>
    execFileSync('terraform', [`-chdir=${root}`, ...args], {
      encoding: 'utf8',
      env: {
        ...process.env,
        ...env,
        PATH: [bin, process.env['PATH']].join(delimiter),
        CHECKPOINT_DISABLE: '1',
        TF_CLI_CONFIG_FILE: join(folder, 'terraformrc'),
      },
    });
  terraform('init', '-input=false');
  terraform('apply', '-auto-approve', '-input=false');
  return readFileSync(join(root, 'terraform.tfstate'), 'utf8');
}
