import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The environment that decides which programs are found. */
export type Env = Readonly<Record<string, string | undefined>>;

/** What the system says of a command that is not there, or may not be run. */
const NO_COMMAND: ReadonlySet<string> = new Set(['ENOENT', 'EACCES', 'ENOTDIR']);

/** The Java command of an environment: that of JAVA_HOME, else the one on PATH. */
export function javaCommand(env: Env): string {
  const home = env['JAVA_HOME'];
  return home === undefined || home === '' ? 'java' : join(home, 'bin', 'java');
}

/**
 * The major version of a Java command (8, 11, 17, …); undefined if there is no such command, or it is no Java.
 *
 * @throws Whatever else kept it from answering: then nobody knows which Java it is.
 */
export async function readJavaMajor(command: string, env: Env): Promise<number | undefined> {
  try {
    const { stderr, stdout } = await run(command, ['-version'], { env: { ...env }, timeout: 30_000 });
    // `openjdk version "17.0.15" …`, and `java version "1.8.0_412"` before 9. It goes to stderr.
    const [, first, second] = /version "(\d+)(?:\.(\d+))?/.exec(`${stderr}${stdout}`) ?? [];
    return first === undefined ? undefined : Number(first === '1' ? second : first);
  } catch (error) {
    if (NO_COMMAND.has(String(Object(error).code))) return undefined;
    throw error;
  }
}

/** The Java options of a heap of at most so many megabytes, taken as it is needed or all of it at the start. */
export function heapOptions(heapMb: number, wholeHeap = false): readonly string[] {
  const firstMb = wholeHeap ? heapMb : Math.min(256, heapMb);
  return [`-Xms${firstMb}m`, `-Xmx${heapMb}m`, ...(wholeHeap ? ['-XX:+AlwaysPreTouch'] : [])];
}
