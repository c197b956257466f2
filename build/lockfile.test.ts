import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { ROOT } from './bundle.ts';

const specs = z.record(z.string(), z.string()).default({});
const ManifestSchema = z.looseObject({
  dependencies: specs,
  devDependencies: specs,
  optionalDependencies: specs,
  allowScripts: z.record(z.string(), z.boolean()).default({}),
});
const PackageSchema = z.looseObject({
  name: z.string().optional(),
  version: z.string().optional(),
  resolved: z.string().optional(),
  integrity: z.string().optional(),
  link: z.boolean().default(false),
  optional: z.boolean().default(false),
  os: z.array(z.string()).default([]),
  libc: z.array(z.string()).default([]),
  cpu: z.array(z.string()).default([]),
  hasInstallScript: z.boolean().default(false),
});
const LockSchema = z.looseObject({
  lockfileVersion: z.literal(3),
  packages: z.record(z.string(), PackageSchema),
});

const read = (path: string): unknown => JSON.parse(readFileSync(join(ROOT, path), 'utf8'));
const { packages } = LockSchema.parse(read('package-lock.json'));
const workspaces = Object.keys(packages).filter((path) => !path.includes('node_modules'));
const installed = Object.entries(packages).filter(
  ([path, { link }]) => path.includes('node_modules') && !link,
);

/** For another system than that of the images and CI: docs/decisions/2026-11-24-lockfile-platforms.md. */
const isForeign = ({ optional, os, libc, cpu }: z.infer<typeof PackageSchema>): boolean =>
  optional &&
  (!os.includes('linux') || libc.includes('musl') || !cpu.some((one) => one === 'x64' || one === 'arm64'));

test('package-lock.json names a sum for every package that is installed on Linux', () => {
  expect(installed.length).toBeGreaterThan(100);
  const without = installed.filter(
    ([, one]) => !(one.integrity ?? '').startsWith('sha512-') && !isForeign(one),
  );
  expect(without.map(([path]) => path)).toEqual([]);
});

test('package-lock.json takes everything from the registry', () => {
  // .npmrc leaves the registry's own addresses out: what has one comes from elsewhere, from git or a web
  // server.
  expect(installed.filter(([, { resolved }]) => resolved !== undefined).map(([path]) => path)).toEqual([]);
  const links = Object.entries(packages).filter(([, { link }]) => link);
  expect(
    links.map(([, { resolved }]) => resolved).filter((path) => !workspaces.includes(path ?? '')),
  ).toEqual([]);
});

test('every package.json names one version of each package, of the registry', () => {
  const surprises = workspaces.flatMap((path) => {
    const { dependencies, devDependencies, optionalDependencies } = ManifestSchema.parse(
      read(join(path, 'package.json')),
    );
    return Object.entries({ ...dependencies, ...devDependencies, ...optionalDependencies })
      .filter(([, spec]) => !/^(npm:(@[\w-]+\/)?[\w.-]+@)?\d+\.\d+\.\d+(-[\w.]+)?$/.test(spec))
      .map(([name, spec]) => `${path}: ${name} ${spec}`);
  });
  expect(surprises).toEqual([]);
});

test('only the packages of the list run a program when they are installed', () => {
  const { allowScripts } = ManifestSchema.parse(read('package.json'));
  const scripts = installed
    .filter(([, one]) => one.hasInstallScript)
    .map(([path]) => path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length));
  expect(scripts.toSorted()).toEqual(Object.keys(allowScripts).toSorted());
});
