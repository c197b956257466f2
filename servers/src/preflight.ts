import { access, constants, mkdir, statfs } from 'node:fs/promises';
import { totalmem } from 'node:os';
import { delimiter, join } from 'node:path';
import { describeError } from '@kandle/runtime/errors';
import { areJarsCached } from './jars/jars.ts';
import { type Env, javaCommand, readJavaMajor } from './jars/java.ts';
import { StartError } from '@kandle/tooling/start-error';

export { StartError } from '@kandle/tooling/start-error';

/** Kafka and Cassandra at 0.4 and 0.8 GB when measured, up to their heaps under load, the functions besides. */
const neededMemoryBytes = 2.5e9;

/** Commit log of 1 GB, topics and tables; the jars (and Maven's copy of them) come on top. */
const neededDiskBytes = 2e9;
const neededJarsBytes = 0.4e9;

/** What is looked at; the machine itself unless a test says otherwise. */
export interface CheckMachine {
  readonly jarsDir: string;
  readonly dataDir: string;
  readonly env?: Env;
  readonly nodeVersion?: string;
  readonly memoryBytes?: number;
  readonly neededDiskBytes?: number;
}

/**
 * Checks that this machine can run the local stack, before anything is started or downloaded.
 *
 * @throws {StartError} With one line for each thing that is missing, saying what to do.
 */
export async function checkMachine(options: CheckMachine): Promise<void> {
  const env = options.env ?? process.env;
  const cached = await areJarsCached(options.jarsDir);
  const findings = await Promise.all([
    checkJava(env),
    cached ? Promise.resolve(undefined) : checkMaven(env),
    checkDisk(options.dataDir, (options.neededDiskBytes ?? neededDiskBytes) + (cached ? 0 : neededJarsBytes)),
  ]);
  const problems = [
    checkNode(options.nodeVersion ?? process.version),
    ...findings,
    checkMemory(options.memoryBytes ?? availableMemory()),
  ].filter((finding) => finding !== undefined);
  if (problems.length > 0) throw new StartError(problems.join('\n'));
}

function checkNode(version: string): string | undefined {
  if (Number(/^v(\d+)/.exec(version)?.[1]) >= 24) return undefined;
  return `Node ${version} is too old: run "npm ci" without --ignore-scripts (it brings Node 24), then use the npm scripts.`;
}

async function checkJava(env: Env): Promise<string | undefined> {
  const command = javaCommand(env);
  let major: number | undefined;
  try {
    major = await readJavaMajor(command, env);
  } catch (error) {
    return `Cannot find out which Java ${command} is: ${describeError(error)}`;
  }
  if (major === 17) return undefined;
  const advice =
    'install a JDK or JRE 17 (Debian: apt-get install openjdk-17-jre-headless) and set JAVA_HOME to it';
  if (major === undefined) {
    const where =
      command === 'java'
        ? 'No java on PATH'
        : `JAVA_HOME is ${env['JAVA_HOME']}, but ${command} cannot be run`;
    return `${where}: ${advice}.`;
  }
  return `${command} is Java ${major}, and Cassandra 5.0 is run on Java 17 here (21 and later are not supported): ${advice}.`;
}

async function checkMaven(env: Env): Promise<string | undefined> {
  for (const folder of (env['PATH'] ?? '').split(delimiter)) {
    if (folder !== '' && (await isExecutable(join(folder, 'mvn')))) return undefined;
  }
  return 'No mvn on PATH, and the jars of Kafka and Cassandra are not fetched yet: install Maven 3.8 or later (Debian: apt-get install maven); it is needed once.';
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

async function checkDisk(dataDir: string, needed: number): Promise<string | undefined> {
  await mkdir(dataDir, { recursive: true });
  const { bavail, bsize } = await statfs(dataDir);
  const free = bavail * bsize;
  return free >= needed
    ? undefined
    : `Only ${gigabytes(free)} of disk are free at ${dataDir}, ${gigabytes(needed)} are needed: free some, or run "npm run clean".`;
}

function checkMemory(available: number): string | undefined {
  return available >= neededMemoryBytes
    ? undefined
    : `Only ${gigabytes(available)} of memory are available, ${gigabytes(neededMemoryBytes)} are needed: close some programs.`;
}

/**
 * Elsewhere than on Linux "available" leaves out what the system would give back at once: the total is the
 * better guess.
 */
function availableMemory(): number {
  return process.platform === 'linux' ? process.availableMemory() : totalmem();
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
