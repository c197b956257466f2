import { mkdir, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { findBadJars, readChecksums } from './checksums.ts';
import { areJarsVerified, markVerified } from './jar-cache.ts';
import { copyDependencies } from './maven.ts';
import type { OnProgress } from '../on-progress.ts';
import { JAR_LISTS_FOLDER } from '@kandle/tooling/paths';
import { readProcessStart } from '../process/process-start.ts';
import { StartError } from '@kandle/tooling/start-error';

const progressEveryMs = 1_000;

/** The folder of jars of each server. */
export interface JarFolders {
  readonly kafka: string;
  readonly cassandra: string;
}

/** Where the jars go, who is told, and what stops it. */
export interface FetchJars {
  readonly cacheDir: string;
  readonly onProgress: OnProgress;
  readonly signal: AbortSignal;
  /** Folder of `<lib>/pom.xml` and `<lib>.sha256`; tests pass their own. */
  readonly listsDir?: string;
}

/**
 * Folders with the pinned jars of Kafka and Cassandra, fetched by Maven once and checked against the committed
 * list.
 *
 * An interrupted fetch leaves nothing that a later start would take for complete.
 *
 * @throws {StartError} If Maven fails, or naming every jar that is missing or has another SHA-256.
 * @throws The reason of `signal` once it is aborted.
 */
export async function fetchJars(options: FetchJars): Promise<JarFolders> {
  // One after the other: Maven 3.8's local repository is not made for two writers.
  const kafka = await fetchLib('kafka', options);
  const cassandra = await fetchLib('cassandra', options);
  return { kafka, cassandra };
}

/** Whether all jars are there and verified, so that no Maven is needed. */
export async function areJarsCached(cacheDir: string): Promise<boolean> {
  const verified = await Promise.all(
    ['kafka', 'cassandra'].map((lib) =>
      areJarsVerified(join(cacheDir, lib), join(JAR_LISTS_FOLDER, `${lib}.sha256`)),
    ),
  );
  return verified.every(Boolean);
}

/**
 * The folder of one server's jars, fetched and checked in the same way: also of versions that only a test
 * needs, such as `kafka-3.9`.
 *
 * @throws {StartError} If Maven fails, or naming every jar that is missing or has another SHA-256.
 * @throws The reason of `signal` once it is aborted.
 */
export async function fetchLib(lib: string, options: FetchJars): Promise<string> {
  const { cacheDir, onProgress, signal, listsDir = JAR_LISTS_FOLDER } = options;
  const folder = join(cacheDir, lib);
  const list = join(listsDir, `${lib}.sha256`);
  if (await areJarsVerified(folder, list)) return folder;
  const expected = await readChecksums(list);
  await mkdir(cacheDir, { recursive: true });
  await removeAbandoned(cacheDir);
  const incomplete = join(cacheDir, `${lib}.incomplete-${process.pid}`);
  onProgress(`Fetching the ${lib} jars with Maven (${expected.size} files, once) …`);
  let jars = 0;
  let bytes = 0;
  const onDownloaded = (size: number): void => {
    jars += 1;
    bytes += size;
  };
  const timer = setInterval(() => {
    onProgress(`  ${lib}: Maven has downloaded ${jars} jars, ${(bytes / 1e6).toFixed(1)} MB …`);
  }, progressEveryMs);
  try {
    const pom = join(listsDir, lib, 'pom.xml');
    await copyDependencies({ pom, outputDir: incomplete, onDownloaded, signal });
    const problems = await findBadJars(incomplete, expected);
    if (problems.length > 0) throw badJars(lib, problems);
    await markVerified(incomplete, list);
    await rm(folder, { recursive: true, force: true });
    await rename(incomplete, folder);
  } finally {
    clearInterval(timer);
    await rm(incomplete, { recursive: true, force: true });
  }
  onProgress(`  ${lib}: ${expected.size} jars verified`);
  return folder;
}

function badJars(lib: string, problems: readonly string[]): StartError {
  return new StartError(
    `The ${lib} jars that Maven delivered are not the pinned ones:\n${problems.map((problem) => `  ${problem}`).join('\n')}\n` +
      'Delete those jars from ~/.m2/repository and start again. If it stays so, your Maven mirror changes files: do not go on.',
  );
}

/** Removes what a killed start has left; another live start keeps its own. */
async function removeAbandoned(cacheDir: string): Promise<void> {
  for (const name of await readdir(cacheDir)) {
    const pid = /\.incomplete-(\d+)$/.exec(name)?.[1];
    if (pid === undefined || (Number(pid) !== process.pid && readProcessStart(Number(pid)) !== undefined))
      continue;
    await rm(join(cacheDir, name), { recursive: true, force: true });
  }
}
