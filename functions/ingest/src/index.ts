import { once } from 'node:events';
import { describeError, FatalError } from '@kandle/runtime/errors';
import { createKafka } from '@kandle/runtime/kafka';
import { createLogger } from '@kandle/runtime/log';
import { readConfig } from './config.ts';
import { createIngest } from './ingest.ts';
import { createStatusServer } from './status.ts';

/** How long the end may take, below Kubernetes' 30 s. */
const STOP_DEADLINE_MS = 15_000;

async function main(): Promise<void> {
  const config = readConfig(process.env);
  const log = createLogger('ingest', config.LOG_LEVEL);
  const ingest = createIngest(config, createKafka(config, `ingest-${config.FEED}`, log), log);
  const server = createStatusServer(() => ingest.status());
  server.listen(config.HTTP_PORT, config.HTTP_HOST);
  try {
    await once(server, 'listening');
  } catch (error) {
    throw new FatalError(`Cannot listen on HTTP_PORT ${config.HTTP_PORT}: ${describeError(error)}`, {
      cause: error,
    });
  }
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    log.info(`${signal}: sending what waits`);
    const isComplete = await ingest.stop(STOP_DEADLINE_MS);
    log.info({ complete: isComplete }, 'ingest ends');
    process.exit(0);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      void end(signal);
    });
  }
  await ingest.start();
}

main().catch((error: unknown) => {
  process.stderr.write(`ingest: ${describeError(error)}\n`);
  process.exit(1);
});
