import { defineCommand, helpText, readCommand, UsageError } from '@kandle/tooling/command';
import { keepTestServers } from './test-servers.ts';

const SERVERS = defineCommand({
  name: 'npm run servers',
  about: `Keeps a Kafka and a Cassandra for many test runs, until Ctrl-C, with data in .kandle/test. It says how a run is
told of them.`,
  options: {},
});

try {
  if (readCommand(SERVERS, process.argv.slice(2)) === null) process.stdout.write(helpText(SERVERS));
  else {
    const folder = await keepTestServers();
    process.stdout.write(`Ready. For each test run: KANDLE_TEST_SERVERS=${folder} npx vitest run …\n`);
    setInterval(() => undefined, 3_600_000);
  }
} catch (error) {
  console.error(error instanceof UsageError ? error.message : error);
  process.exitCode = 1;
}
