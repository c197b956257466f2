import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { checkMachine, type CheckMachine } from './preflight.ts';

let root = '';

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'kandle-preflight-'));
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

function fakeCommand(folder: string, name: string, script: string): void {
  mkdirSync(join(root, folder), { recursive: true });
  writeFileSync(join(root, folder, name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(root, folder, name), 0o755);
}

function fakeJava(folder: string, version: string): void {
  fakeCommand(folder, 'java', `echo 'openjdk version "${version}" 2025-04-15' >&2`);
}

/** A machine on which all is well, once java and mvn are put into `bin`. */
function check(differences: Partial<CheckMachine> = {}): Promise<void> {
  return checkMachine({
    jarsDir: join(root, 'jars'),
    dataDir: join(root, 'data'),
    env: { PATH: join(root, 'bin') },
    nodeVersion: 'v24.21.0',
    memoryBytes: 8e9,
    neededDiskBytes: 0,
    ...differences,
  });
}

test('checkMachine() accepts Node 24, Java 17 and Maven', async () => {
  fakeJava('bin', '17.0.15');
  fakeCommand('bin', 'mvn', '');
  await expect(check()).resolves.toBeUndefined();
});

test('checkMachine() reports all that is missing at once, a line each', async () => {
  const failure = check({ nodeVersion: 'v20.19.0', memoryBytes: 1e9, neededDiskBytes: 1e18 });
  await expect(failure).rejects.toMatchObject({ name: 'StartError' });
  const message = await failure.then(
    () => '',
    (error: Error) => error.message,
  );
  const starts = ['Node v20.19.0', 'No java', 'No mvn', 'Only ', 'Only 1.0 GB of memory'];
  expect(message.split('\n').map((line, index) => line.startsWith(starts[index] ?? '?'))).toEqual(
    starts.map(() => true),
  );
});

test.each(['1.8.0_412', '11.0.25', '21.0.5'])('checkMachine() refuses Java %s', async (version) => {
  fakeJava('bin', version);
  fakeCommand('bin', 'mvn', '');
  const major = version.startsWith('1.') ? '8' : version.slice(0, 2);
  await expect(check()).rejects.toThrow(`java is Java ${major}, and Cassandra 5.0 is run on Java 17`);
});

test('checkMachine() prefers JAVA_HOME to PATH, and says so when there is no Java in it', async () => {
  fakeJava('bin', '11.0.25');
  fakeJava('jdk17/bin', '17.0.15');
  fakeCommand('bin', 'mvn', '');
  const PATH = join(root, 'bin');
  await expect(check({ env: { PATH, JAVA_HOME: join(root, 'jdk17') } })).resolves.toBeUndefined();
  await expect(check({ env: { PATH, JAVA_HOME: join(root, 'none') } })).rejects.toThrow('JAVA_HOME is ');
});

test('checkMachine() does not say that there is no Java, when it could not be asked', async () => {
  fakeCommand('bin', 'java', 'echo "no memory for a heap" >&2; exit 1');
  fakeCommand('bin', 'mvn', '');
  await expect(check()).rejects.toThrow(/^Cannot find out which Java java is: .*no memory for a heap/s);
  fakeJava('bin', '17.0.15');
  // More than Linux takes for one variable.
  const env = { PATH: join(root, 'bin'), SYMBOLS: 'x'.repeat(200_000) };
  await expect(check({ env })).rejects.toThrow(/^Cannot find out which Java java is: spawn E2BIG/);
});
