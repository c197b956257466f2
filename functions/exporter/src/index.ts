import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { createCassandra } from '@kandle/runtime/cassandra';
import { withDeadline } from '@kandle/runtime/deadline';
import { describeError, FatalError } from '@kandle/runtime/errors';
import { createKafka } from '@kandle/runtime/kafka';
import { createLogger } from '@kandle/runtime/log';
import { createAuditsCollector } from './audits-collector.ts';
import { createBoard } from './board.ts';
import { readConfig } from './config.ts';
import { createFreshnessCollector } from './freshness-collector.ts';
import { createGapsCollector } from './gaps-collector.ts';
import { createIndicatorsCollector } from './indicators-collector.ts';
import { createInstrumentsCollector } from './instruments-collector.ts';
import { createKafkaCollector } from './kafka-collector.ts';
import { createPromotionsCollector } from './promotions-collector.ts';
import { createExporterServer } from './server.ts';
import { createWindowsCollector } from './windows-collector.ts';

/** How long the numbers of one collector may take; the clients' own time-outs are of the same size. */
const COLLECT_DEADLINE_MS = 15_000;
const CLOSE_DEADLINE_MS = 3_000;

async function main(): Promise<void> {
  const config = readConfig(process.env);
  const log = createLogger('exporter', config.LOG_LEVEL);
  const cassandra = createCassandra(config);
  const kafka = createKafkaCollector(createKafka(config, 'exporter', log), {
    groupPrefix: config.GROUP_PREFIX,
    sources: config.SOURCES,
    deadTopic: config.DEAD_TOPIC,
    rejectsTopic: config.REJECTS_TOPIC,
  });
  const choice = { symbols: config.SYMBOLS, maxSymbols: config.MAX_SYMBOLS };
  const board = createBoard(
    [
      kafka,
      createFreshnessCollector(cassandra, choice),
      createWindowsCollector(cassandra),
      createGapsCollector(cassandra, Date.now),
      createAuditsCollector(cassandra),
      createInstrumentsCollector(cassandra),
      createPromotionsCollector(cassandra),
      createIndicatorsCollector(cassandra, choice, {
        ma: `sma${config.SMA_PERIOD}`,
        ema: `ema${config.EMA_PERIOD}`,
        rsi: `rsi${config.RSI_PERIOD}`,
      }),
    ],
    { staleMs: config.STALE_MS, deadlineMs: COLLECT_DEADLINE_MS, nowMs: Date.now, log },
  );
  const server = createExporterServer(board);
  server.listen(config.HTTP_PORT, config.HTTP_HOST);
  try {
    await once(server, 'listening');
  } catch (error) {
    throw new FatalError(`Cannot listen on HTTP_PORT ${config.HTTP_PORT}: ${describeError(error)}`, {
      cause: error,
    });
  }
  const stopping = new AbortController();
  const stopped = once(stopping.signal, 'abort');
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stopping.abort());
  log.info({ port: config.HTTP_PORT }, 'exporter begins');
  let collecting: Promise<unknown> = Promise.resolve();
  while (!stopping.signal.aborted) {
    collecting = board.collect();
    await Promise.race([collecting, stopped]);
    await sleep(config.COLLECT_INTERVAL_MS, undefined, { signal: stopping.signal }).catch(() => undefined);
  }
  // What is under way would complain of connections that are closed under it.
  await withDeadline(collecting, CLOSE_DEADLINE_MS, 'no end').catch(() => undefined);
  log.info('exporter ends');
  await withDeadline(Promise.all([kafka.close(), cassandra.shutdown()]), CLOSE_DEADLINE_MS, 'no end').catch(
    () => undefined,
  );
  process.exit(0);
}

main().catch((error: unknown) => {
  process.stderr.write(`exporter: ${describeError(error)}\n`);
  process.exit(1);
});
