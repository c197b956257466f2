import { createCassandra } from '@kandle/runtime/cassandra';
import { describeError } from '@kandle/runtime/errors';
import { createLogger } from '@kandle/runtime/log';
import { createQueryApp } from './app.ts';
import { createCassandraStore } from './cassandra-store.ts';
import { readConfig } from './config.ts';
import { serveQueries } from './server.ts';

async function main(): Promise<void> {
  const config = readConfig(process.env);
  const log = createLogger('query', config.LOG_LEVEL);
  const cassandra = createCassandra(config);
  cassandra.connect().catch((error: unknown) => log.warn(`Cannot connect yet: ${describeError(error)}`));
  const app = createQueryApp({ store: createCassandraStore(cassandra), wallMs: Date.now, log });
  await serveQueries((request) => app.fetch(request), {
    ...config,
    log,
    close: () => cassandra.shutdown(),
  });
}

main().catch((error: unknown) => {
  process.stderr.write(`query: ${describeError(error)}\n`);
  process.exit(1);
});
