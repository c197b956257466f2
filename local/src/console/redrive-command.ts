import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { join } from 'node:path';
import { REPO_ROOT } from '@kandle/tooling/paths';

const run = promisify(execFile);
const DEADLINE_MS = 120_000;

/**
 * Sends a dead letter again by the command that a person would use, so that there is one way only.
 *
 * @param folder The data folder whose servers are meant.
 * @param prefix What stands before the topics' names.
 * @returns What the command said.
 */
export async function redriveById(
  id: string,
  { folder, prefix }: { readonly folder: string; readonly prefix: string },
): Promise<{ readonly said: string }> {
  const program = [join(REPO_ROOT, 'packages/tooling/run.cjs'), join(REPO_ROOT, 'faults/src/redrive.ts')];
  // Written with `=`, an id that begins with a dash is no option.
  const args = ['--yes', '--include-refused', `--data=${folder}`, `--prefix=${prefix}`, `--id=${id}`];
  const { stdout } = await run(process.execPath, [...program, ...args], {
    cwd: REPO_ROOT,
    timeout: DEADLINE_MS,
  });
  return { said: stdout.trim() };
}
