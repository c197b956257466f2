import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { KANDLE_FOLDER } from '@kandle/tooling/paths';
import { readLiveOwner, reapOrphans } from '@kandle/servers/process/run-record';
import { StartError } from '@kandle/tooling/start-error';

const help = `Usage: npm run clean [-- --all]

Removes the data of the local stack (.kandle/data, .kandle/replay, .kandle/test): topics, tables, logs.
Refuses while a stack runs there.

  --all     remove the downloaded jars too; the next start fetches them again with Maven
  --help    this text
`;

/** @throws {StartError} If a stack runs in one of the folders: then nothing is removed. */
async function clean(args: string[]): Promise<void> {
  const options = readOptions(args);
  if (options.help === true) return void process.stdout.write(help);
  mkdirSync(KANDLE_FOLDER, { recursive: true });
  const folders = readdirSync(KANDLE_FOLDER, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const chosen = folders.map((entry) => entry.name).filter((name) => name !== 'jars' || options.all === true);
  const running = chosen.flatMap((name) => {
    const owner = readLiveOwner(join(KANDLE_FOLDER, name));
    return owner === undefined
      ? []
      : [`.kandle/${name} is in use by pid ${owner}; stop that one first (Ctrl-C, or kill ${owner}).`];
  });
  if (running.length > 0) throw new StartError(running.join('\n'));
  for (const name of chosen) {
    await reapOrphans(join(KANDLE_FOLDER, name), console.log);
    rmSync(join(KANDLE_FOLDER, name), { recursive: true, force: true });
    console.log(`Removed .kandle/${name}`);
  }
  if (chosen.length === 0) console.log('Nothing to remove.');
}

function readOptions(args: string[]): { all?: boolean | undefined; help?: boolean | undefined } {
  try {
    return parseArgs({ args, options: { all: { type: 'boolean' }, help: { type: 'boolean', short: 'h' } } })
      .values;
  } catch (error) {
    throw new StartError(
      `${error instanceof Error ? error.message : String(error)}. See npm run clean -- --help`,
      { cause: error },
    );
  }
}

try {
  await clean(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof StartError ? error.message : error);
  process.exitCode = 1;
}
