import { keepTestServers } from './test-servers.ts';

/** `npm run servers`: Kafka and Cassandra for many test runs, until Ctrl-C. */
const folder = await keepTestServers();
process.stdout.write(`Ready. For each test run: KANDLE_TEST_SERVERS=${folder} npx vitest run …\n`);
setInterval(() => undefined, 3_600_000);
