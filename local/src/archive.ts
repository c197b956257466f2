import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { describeError } from '@kandle/runtime/errors';
import { findRunningServers } from '@kandle/servers/running-servers';
import { defineCommand, helpText, option, readCommand, text } from '@kandle/tooling/command';
import { DATA_FOLDER, REPO_ROOT } from '@kandle/tooling/paths';

const COMMAND = defineCommand({
  name: 'npm run archive',
  about: `Writes the closed hours of market.raw.v1 that are not archived yet to files: compressed, with a manifest of counts and
hashes. Of a running "npm start", or of the Kafka of KAFKA_BROKERS.`,
  options: {
    folder: option('DIR', 'where the archive lies', text, join('.kandle', 'archive')),
  },
  notes: `Exit code: 0 all closed hours are there, 1 Kafka was away or the disk is full, 3 the folder is the archive of another
log. All variables: functions/archive/README.md.`,
});

async function main(): Promise<void> {
  const values = readCommand(COMMAND, process.argv.slice(2));
  if (values === null) return void process.stdout.write(helpText(COMMAND));
  const running = findRunningServers(DATA_FOLDER);
  const program = spawn(process.execPath, [join(REPO_ROOT, 'functions/archive/src/index.ts')], {
    env: {
      ...(running === null ? {} : { KAFKA_BROKERS: running.kafkaBrokers.join(',') }),
      ...process.env,
      ARCHIVE_FOLDER: resolve(values.folder),
    },
    stdio: 'inherit',
  });
  await once(program, 'exit');
  process.exitCode = program.exitCode ?? 1;
}

try {
  await main();
} catch (error) {
  console.error(describeError(error));
  process.exitCode = 2;
}
