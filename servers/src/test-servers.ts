import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { TestProject } from 'vitest/node';
import { JARS_FOLDER, TEST_FOLDER } from '@kandle/tooling/paths';
import { checkMachine } from './preflight.ts';
import { claimFolder, type FolderClaim, readLiveOwner } from './process/run-record.ts';
import { readServerAddresses, type ServerAddressFile, writeServerAddresses } from './server-addresses.ts';
import { type Servers, startServers } from './servers.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Bootstrap servers of the real broker. */
    kafkaBrokers: string[];
    /** How to reach the real node. */
    cassandra: { contactPoints: string[]; port: number; localDataCenter: string };
    /** Folder of the run's record (`readLiveChildren` tells the pids of now) and of the servers' logs. */
    serversFolder: string;
  }
}

/** Another test run on this machine has the servers for this long at most, before we give up. */
const otherRunDeadlineMs = 20 * 60_000;

interface Shared {
  users: number;
  readonly running: Promise<Servers>;
  readonly stop: AbortController;
  claim?: FolderClaim;
}

/** Each vitest project loads this module anew, so what they share hangs on the process. */
const shared = globalThis as { kandleTestServers?: Shared | undefined };

/**
 * Starts Kafka and Cassandra once for all vitest projects of this run, and tells the tests where they are.
 *
 * With `KANDLE_TEST_SERVERS=<folder>` it takes those that `npm run servers` keeps there, and starts none.
 */
export async function setup(project: TestProject): Promise<void> {
  const borrowed = process.env['KANDLE_TEST_SERVERS'];
  if (borrowed !== undefined) {
    return provide(project, readServerAddresses(borrowed), borrowed);
  }
  const current = (shared.kandleTestServers ??= begin({ areKilled: areKilledBy(project) }));
  current.users += 1;
  provide(project, await current.running, TEST_FOLDER);
}

/** The tests of this project kill the servers, and each is started again with another pid. */
const KILLS_SERVERS = 'faults';

function areKilledBy({ vitest }: TestProject): boolean {
  return vitest.projects.some(({ name }) => name === KILLS_SERVERS);
}

/** Starts the test servers and writes down where they are, for test runs that set `KANDLE_TEST_SERVERS`. */
export async function keepTestServers(): Promise<string> {
  writeServerAddresses(TEST_FOLDER, await (shared.kandleTestServers ??= begin({ areKilled: false })).running);
  return TEST_FOLDER;
}

function provide(
  project: TestProject,
  { kafka, cassandra }: Pick<Servers, 'kafka' | 'cassandra'> | ServerAddressFile,
  folder: string,
): void {
  project.provide('kafkaBrokers', [...kafka.brokers]);
  project.provide('cassandra', {
    contactPoints: [...cassandra.contactPoints],
    port: cassandra.port,
    localDataCenter: cassandra.localDataCenter,
  });
  project.provide('serversFolder', folder);
}

/** Ends the servers when the last project is done; their data is worth nothing, so SIGKILL will do. */
export async function teardown(): Promise<void> {
  const current = shared.kandleTestServers;
  if (current === undefined) return;
  current.users -= 1;
  if (current.users > 0) return;
  shared.kandleTestServers = undefined;
  current.stop.abort();
  const servers = await current.running.catch(() => undefined);
  await servers?.kill();
  current.claim?.release();
}

function begin({ areKilled }: { readonly areKilled: boolean }): Shared {
  const stop = new AbortController();
  const begun: Shared = { users: 0, stop, running: start() };
  endOnSignals();
  return begun;

  async function start(): Promise<Servers> {
    await waitForOtherRun();
    await checkMachine({ jarsDir: JARS_FOLDER, dataDir: TEST_FOLDER });
    const claim = await claimFolder(TEST_FOLDER, print);
    begun.claim = claim;
    for (const name of ['kafka', 'cassandra'])
      rmSync(join(TEST_FOLDER, name), { recursive: true, force: true });
    try {
      return await startServers({
        dataDir: TEST_FOLDER,
        claim,
        jarsDir: JARS_FOLDER,
        randomPorts: true,
        onProgress: print,
        signal: stop.signal,
        isThrownAway: !areKilled,
      });
    } catch (error) {
      claim.release();
      throw error;
    }
  }
}

async function waitForOtherRun(): Promise<void> {
  const deadlineMs = performance.now() + otherRunDeadlineMs;
  let told = false;
  for (let owner = readLiveOwner(TEST_FOLDER); owner !== undefined; owner = readLiveOwner(TEST_FOLDER)) {
    if (performance.now() > deadlineMs) return;
    if (!told) print(`Waiting for the test run of pid ${owner}, which has .kandle/test …`);
    told = true;
    await delay(500);
  }
}

/** A signal that ends the process at once skips every `exit` hook, and would leave the servers running. */
function endOnSignals(): void {
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const)
    process.once(signal, () => process.exit(130));
}

function print(line: string): void {
  process.stderr.write(`${line}\n`);
}
