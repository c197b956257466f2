import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { JARS_FOLDER } from '@kandle/tooling/paths';
import { StartError } from '@kandle/tooling/start-error';
import { heapOptions, javaCommand } from '../jars/java.ts';
import { fetchLib } from '../jars/jars.ts';
import type { OnProgress } from '../on-progress.ts';
import { freePort } from '../ports/ports.ts';
import { type ServerChild, startChild } from '../process/child.ts';

/** Ready in 4 to 15 s; a busy machine takes longer. */
const READY_MS = 120_000;
const UNPACK_MS = 60_000;

/** What a registry needs to start. */
export interface RegistryOptions {
  /** Everything that it writes. */
  readonly dataDir: string;
  readonly onProgress: OnProgress;
  readonly signal: AbortSignal;
}

/** A schema registry that answers. */
export interface RegistryServer extends ServerChild {
  /** Of Confluent's interface. */
  readonly url: string;
  /** Its jars: Avro for Java among them. */
  readonly libDir: string;
}

/**
 * Starts a real schema registry (Apicurio, all in memory) on a free port and waits until it answers. For tests
 * and for development: what it holds is gone with it.
 *
 * @throws {StartError} If it cannot be fetched or unpacked, ends while starting or is not ready in 120 s.
 * @throws The reason of `signal` once it is aborted; nothing runs then.
 */
export async function startRegistry({
  dataDir,
  onProgress,
  signal,
}: RegistryOptions): Promise<RegistryServer> {
  const archives = await fetchLib('registry', { cacheDir: JARS_FOLDER, onProgress, signal });
  const app = join(dataDir, 'app');
  mkdirSync(app, { recursive: true });
  if (!existsSync(join(app, 'lib'))) await unpack(archives, app, signal);
  const runner = readdirSync(app).find((name) => name.endsWith('-runner.jar'));
  if (runner === undefined) throw new StartError(`Cannot start the registry: no runner in ${archives}`);
  const port = await freePort();
  const url = `http://127.0.0.1:${port}/apis/ccompat/v7`;
  const child = await startChild({
    role: 'registry',
    command: javaCommand(process.env),
    args: [
      ...heapOptions(384),
      '-XX:+UseSerialGC',
      // It lives for a minute: the second compiler would cost more than it brings.
      '-XX:TieredStopAtLevel=1',
      '-Dquarkus.http.host=127.0.0.1',
      `-Dquarkus.http.port=${port}`,
      '-jar',
      join(app, runner),
    ],
    cwd: dataDir,
    logFile: join(dataDir, 'server.log'),
    isReady: () => answers(`${url}/subjects`),
    readyDeadlineMs: READY_MS,
    onProgress,
    signal,
  });
  return Object.assign(child, { url, libDir: join(app, 'lib') });
}

async function unpack(archives: string, app: string, signal: AbortSignal): Promise<void> {
  const [archive = ''] = readdirSync(archives).filter((name) => name.endsWith('.tar.gz'));
  try {
    await promisify(execFile)('tar', ['-xzf', join(archives, archive), '-C', app], {
      signal,
      timeout: UNPACK_MS,
    });
  } catch (error) {
    signal.throwIfAborted();
    throw new StartError(`Cannot unpack ${archive}: ${String(error)}`, { cause: error });
  }
}

async function answers(url: string): Promise<boolean> {
  try {
    return (await fetch(url, { signal: AbortSignal.timeout(2_000) })).ok;
  } catch {
    return false;
  }
}
