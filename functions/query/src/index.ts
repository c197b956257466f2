import { dirname, join } from 'node:path';
import { createCassandra } from '@kandle/runtime/cassandra';
import { describeError } from '@kandle/runtime/errors';
import { createLogger } from '@kandle/runtime/log';
import { createQueryApp } from './app.ts';
import { createCassandraStore } from './cassandra-store.ts';
import { readConfig } from './config.ts';
import { createFollowedPromotions } from './followed-promotions.ts';
import { readConsolePage } from './console-page.ts';
import { createLazyRejectReader } from './rejects/lazy-reject-reader.ts';
import { serveQueries } from './server.ts';
import { createLazyHub } from './stream/lazy-hub.ts';
import { createStreams } from './stream/stream-response.ts';

/** How often a comment shows that a stream's line is alive. */
const COMMENT_MS = 15_000;
/** As much as a busy second of many symbols; who reads more slowly has to come again. */
const MAX_WAITING_BYTES = 4 * 1024 * 1024;

async function main(): Promise<void> {
  const config = readConfig(process.env);
  const log = createLogger('query', config.LOG_LEVEL);
  const cassandra = createCassandra(config);
  cassandra.connect().catch((error: unknown) => log.warn(`Cannot connect yet: ${describeError(error)}`));
  const hub = createLazyHub(config, log);
  const streams = createStreams(hub, {
    lifeMs: config.STREAM_LIFE_MS,
    commentMs: COMMENT_MS,
    maxWaitingBytes: MAX_WAITING_BYTES,
  });
  const app = createQueryApp({
    store: createCassandraStore(
      cassandra,
      createFollowedPromotions(cassandra, () => performance.now()),
    ),
    streams,
    refused: createLazyRejectReader(config, log),
    maxStreams: config.MAX_STREAMS,
    wallMs: Date.now,
    page: config.CONSOLE ? readConsolePage(config.CONSOLE_FILE ?? besideProgram('console.json')) : null,
    log,
  });
  await serveQueries((request) => app.fetch(request), {
    ...config,
    log,
    streams: streams.count,
    endStreams: streams.endAll,
    close: () => Promise.all([hub.close(), cassandra.shutdown()]),
  });
}

function besideProgram(name: string): string {
  return join(dirname(process.argv[1] ?? ''), name);
}

main().catch((error: unknown) => {
  process.stderr.write(`query: ${describeError(error)}\n`);
  process.exit(1);
});
