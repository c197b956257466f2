import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { defineCommand, flag, helpText, readCommand, UsageError } from '@kandle/tooling/command';
import { KANDLE_FOLDER } from '@kandle/tooling/paths';
import { readLiveOwner, reapOrphans } from '@kandle/servers/process/run-record';
import { StartError } from '@kandle/tooling/start-error';

const CLEAN = defineCommand({
  name: 'npm run clean',
  about: `Removes the data of the local stack (.kandle/data, .kandle/replay, .kandle/test): topics, tables, logs. Refuses
while a stack runs there.`,
  options: { all: flag('remove the downloaded jars too; the next start fetches them again with Maven') },
});

/** @throws {StartError} If a stack runs in one of the folders: then nothing is removed. */
async function clean(args: readonly string[]): Promise<void> {
  const options = readCommand(CLEAN, args);
  if (options === null) return void process.stdout.write(helpText(CLEAN));
  mkdirSync(KANDLE_FOLDER, { recursive: true });
  const folders = readdirSync(KANDLE_FOLDER, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const chosen = folders.map((entry) => entry.name).filter((name) => name !== 'jars' || options.all);
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

try {
  await clean(process.argv.slice(2));
} catch (error) {
  const isPlain = error instanceof StartError || error instanceof UsageError;
  console.error(isPlain ? error.message : error);
  process.exitCode = 1;
}
