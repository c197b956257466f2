import { setTimeout as sleep } from 'node:timers/promises';
import { backOffMs } from '@kandle/runtime/back-off';
import { createCassandra } from '@kandle/runtime/cassandra';
import { describeError, FatalError } from '@kandle/runtime/errors';
import { createKafka } from '@kandle/runtime/kafka';
import { createLogger, type Logger } from '@kandle/runtime/log';
import { applySchema } from './apply.ts';
import { readConfig, type SchemaConfig } from './config.ts';
import { emptied, eventsReadOn, isEmpty } from './emptied.ts';

async function main(): Promise<void> {
  const config = readConfig(process.env);
  const log = createLogger('schema', config.LOG_LEVEL);
  await tryFor(config.TRY_FOR_MS, log, () => bringUpToDate(config, log));
}

/** A server that starts takes logins and questions before it can answer them all. */
const BETWEEN_TRIES = { firstMs: 500, maxMs: 5_000 };

/** Tries again what failed and another try may mend, until the time is over; a try is never cut off. */
async function tryFor(forMs: number, log: Logger, what: () => Promise<void>): Promise<void> {
  const endMs = performance.now() + forMs;
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await what();
    } catch (error) {
      const waitMs = backOffMs(attempt, Math.random(), BETWEEN_TRIES);
      if (error instanceof FatalError || performance.now() + waitMs > endMs) throw error;
      log.warn({ fact: describeError(error) }, 'tries again');
      await sleep(waitMs);
    }
  }
}

async function bringUpToDate(config: SchemaConfig, log: Logger): Promise<void> {
  const client = createCassandra(config, { useKeyspace: false });
  try {
    await client.connect();
    const wasEmpty = await isEmpty(client, config.CASSANDRA_KEYSPACE);
    if (wasEmpty && !config.ACCEPT_EMPTY) await checkReadOn(config, log);
    const changes = await applySchema(client, config);
    const isDone = Object.values(changes).every((list) => list.length === 0);
    log.info(changes, isDone ? 'nothing to do' : 'applied');
  } finally {
    await client.shutdown();
  }
}

/**
 * An empty keyspace is a first installation, or a lost one; Kafka knows which.
 *
 * @throws {FatalError} If what Kafka holds was read already.
 */
async function checkReadOn(config: SchemaConfig, log: Logger): Promise<void> {
  const admin = createKafka(config, 'schema', log).admin();
  const first = { group: config.TRANSFORM_GROUP, topic: config.RAW_TOPIC };
  try {
    await admin.connect();
    const events = await eventsReadOn(admin, first);
    if (events > 0) throw emptied(config.CASSANDRA_KEYSPACE, first, events);
  } finally {
    await admin.disconnect();
  }
}

/** What no other try would mend, by which the Job knows to give up: knative/base/050-schema.yaml. */
const EXIT_FATAL = 3;

main().catch((error: unknown) => {
  process.stderr.write(`schema: ${describeError(error)}\n`);
  process.exit(error instanceof FatalError ? EXIT_FATAL : 1);
});
