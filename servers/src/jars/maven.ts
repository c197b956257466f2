import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { StartError } from '@kandle/tooling/start-error';

/** How long one Maven run may take; a first download over a slow line is 110 MB. */
const mavenDeadlineMs = 30 * 60_000;

const bytesPer = new Map([
  ['kB', 1e3],
  ['MB', 1e6],
]);

/** What Maven is to copy, and who is told. */
export interface CopyDependencies {
  readonly pom: string;
  readonly outputDir: string;
  /** Called for each jar that came over the network (none if Maven had them all), its own plugins' included. */
  readonly onDownloaded: (bytes: number) => void;
  readonly signal: AbortSignal;
}

/**
 * Copies the dependencies of a POM into a folder, with the machine's own Maven and its settings.
 *
 * @throws {StartError} With Maven's last error lines if it fails or takes over 30 minutes.
 * @throws The reason of `signal` once it is aborted; Maven has ended then.
 */
export async function copyDependencies({
  pom,
  outputDir,
  onDownloaded,
  signal,
}: CopyDependencies): Promise<void> {
  signal.throwIfAborted();
  // -C: a checksum that differs fails the build. Not -q: the "Downloaded" lines are the progress.
  const args = ['-B', '-C', '-f', pom, 'dependency:copy-dependencies', `-DoutputDirectory=${outputDir}`];
  const child = spawn('mvn', args, { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
  const tail: string[] = [];
  const read = (line: string): void => {
    const [, size, unit = ''] = /Downloaded from .*\.jar \(([\d.]+) (B|kB|MB)/.exec(line) ?? [];
    if (size !== undefined) onDownloaded(Number(size) * (bytesPer.get(unit) ?? 1));
    if (/\[(ERROR|FATAL)\]/.test(line)) tail.push(line);
  };
  createInterface({ input: child.stdout }).on('line', read);
  createInterface({ input: child.stderr }).on('line', (line) => tail.push(line));
  // `mvn` is a script: its whole process group is ended, or its JVM would go on downloading.
  const end = (): void => {
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGKILL');
  };
  const deadline = AbortSignal.timeout(mavenDeadlineMs);
  const either = AbortSignal.any([signal, deadline]);
  either.addEventListener('abort', end, { once: true });
  process.once('exit', end);
  try {
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', (error) =>
        reject(new StartError(`Cannot run mvn: ${error.message}`, { cause: error })),
      );
      child.once('close', resolve);
    });
    signal.throwIfAborted();
    if (deadline.aborted)
      throw new StartError('Maven took over 30 minutes; check the network and start again.');
    if (code !== 0)
      throw new StartError(
        `Maven could not fetch the jars of ${pom}:\n${tail.slice(0, 6).join('\n')}\nCheck the network and ~/.m2/settings.xml, then start again.`,
      );
  } finally {
    either.removeEventListener('abort', end);
    process.removeListener('exit', end);
  }
}
