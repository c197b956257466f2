import { appendFileSync, existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { REPO_ROOT } from '@kandle/tooling/paths';
import { afterEach, type TestContext } from 'vitest';

declare module 'vitest' {
  interface TaskMeta {
    /** How the stack of a fault came to rest. */
    rest?: { readonly seconds: string; readonly differences: number };
  }
}

// Set-up file of the project `faults`: each test adds a line to the summary of its seed, which docs can quote.
const FOLDER = join(REPO_ROOT, 'out');
const FILE = join(FOLDER, `faults-seed-${process.env['FAULT_SEED'] ?? '1'}.md`);
const MAX_REASON = 160;

afterEach(({ task }) => {
  mkdirSync(FOLDER, { recursive: true });
  if (!existsSync(FILE))
    appendFileSync(
      FILE,
      '| fault | seen | at rest after | differences | whole test | ended (UTC) |\n| --- | --- | --- | --- | --- | --- |\n',
    );
  const { rest } = task.meta;
  const cells = [
    task.name.replace(/^every trade counts once,? /, ''),
    seenIn(task),
    rest === undefined ? '–' : `${rest.seconds} s`,
    rest === undefined ? '–' : String(rest.differences),
    `${((Date.now() - (task.result?.startTime ?? Date.now())) / 1_000).toFixed(0)} s`,
    new Date().toISOString().slice(0, 19).replace('T', ' '),
  ];
  appendFileSync(FILE, `| ${cells.map((cell) => cell.replaceAll('|', '/')).join(' | ')} |\n`);
});

function seenIn({ result, meta }: TestContext['task']): string {
  const [error] = result?.errors ?? [];
  if (error !== undefined) return `failed: ${error.message.replaceAll(/\s+/g, ' ').slice(0, MAX_REASON)}`;
  if (meta.rest === undefined) return result?.state === 'skip' ? 'skipped' : 'as expected';
  return 'clean';
}
