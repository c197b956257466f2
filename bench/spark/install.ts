import { execFile } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { fetchLib } from '@kandle/servers/jars/jars';
import { KANDLE_FOLDER } from '@kandle/tooling/paths';
import { StartError } from '@kandle/tooling/start-error';

const run = promisify(execFile);
const REQUIREMENTS = join(import.meta.dirname, 'requirements.txt');
const FOLDER = join(KANDLE_FOLDER, 'spark');
/** PySpark is 320 MB, and comes as source that is built here. */
const INSTALL_MS = 20 * 60_000;

/** Where Spark is. */
export interface Spark {
  readonly python: string;
  /** Folder of its connectors. */
  readonly jars: string;
}

/**
 * PySpark and its connectors in `.kandle/spark`, fetched once: from PyPI and by Maven, as this machine is set
 * up to reach them.
 *
 * @throws {StartError} If there is no Python with venv, or one of them cannot be had.
 */
export async function installSpark(say: (line: string) => void, signal: AbortSignal): Promise<Spark> {
  const venv = join(FOLDER, 'venv');
  const python = join(venv, 'bin', 'python');
  const done = join(venv, 'requirements.txt');
  const wanted = readFileSync(REQUIREMENTS, 'utf8');
  if (!existsSync(done) || readFileSync(done, 'utf8') !== wanted) {
    say(`Fetching ${wanted.trim()} from PyPI into .kandle/spark (320 MB, once) …`);
    await rm(venv, { recursive: true, force: true });
    await mkdir(FOLDER, { recursive: true });
    await runOrSay('python3', ['-m', 'venv', venv], signal);
    await runOrSay(python, ['-m', 'pip', 'install', '--quiet', '--requirement', REQUIREMENTS], signal);
    // Last: what was interrupted is begun again.
    await writeFile(done, wanted);
  }
  const jars = await fetchLib('spark', { cacheDir: FOLDER, onProgress: say, signal });
  return { python, jars };
}

async function runOrSay(command: string, args: readonly string[], signal: AbortSignal): Promise<void> {
  try {
    await run(command, [...args], { signal, timeout: INSTALL_MS, maxBuffer: 16 * 2 ** 20 });
  } catch (error) {
    signal.throwIfAborted();
    const { stderr } = error as { readonly stderr?: string };
    const reason = stderr === undefined || stderr === '' ? String(error) : stderr.trim().split('\n').at(-1);
    throw new StartError(`Cannot install Spark: ${command} ${args.join(' ')}: ${reason}`, { cause: error });
  }
}
