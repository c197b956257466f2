import { createCassandra } from '@kandle/runtime/cassandra';
import { describeError } from '@kandle/runtime/errors';
import { createLogger } from '@kandle/runtime/log';
import { applySchema } from './apply.ts';
import { readConfig } from './config.ts';

async function main(): Promise<void> {
  const config = readConfig(process.env);
  const log = createLogger('schema', config.LOG_LEVEL);
  const client = createCassandra(config, { useKeyspace: false });
  try {
    await client.connect();
    const applied = await applySchema(client, config);
    log.info(
      { applied, grantedTo: config.GRANT_TO_ROLE },
      applied.length === 0 ? 'nothing to do' : 'applied',
    );
  } finally {
    await client.shutdown();
  }
}

main().catch((error: unknown) => {
  process.stderr.write(`schema: ${describeError(error)}\n`);
  process.exit(1);
});
