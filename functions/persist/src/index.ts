import { randomUUID } from 'node:crypto';
import { EVENT_TYPES } from '@kandle/market/event/topics';
import { createCassandra } from '@kandle/runtime/cassandra';
import { createMetrics } from '@kandle/runtime/metrics';
import { runFunction } from '@kandle/runtime/run-function';
import { readConfig } from './config.ts';
import { createPersist, PERSISTED_TYPES } from './handler.ts';
import { createRollupStore } from './rollups/rollup-store.ts';
import { createRollups } from './rollups/rollups.ts';
import { createViews } from './views/views.ts';

void runFunction('persist', readConfig, (config, log) => {
  const cassandra = createCassandra(config);
  const views = createViews(cassandra, {
    writeConcurrency: config.WRITE_CONCURRENCY,
    maxRowsPerBatch: config.MAX_ROWS_PER_BATCH,
  });
  const rows = createMetrics('persist').counter('persist_rows_total', 'Rows written, by view');
  const rollups = !config.ROLLUPS
    ? null
    : createRollups(createRollupStore(cassandra, views), {
        process: randomUUID(),
        idleMs: config.ROLLUP_IDLE_MS,
        concurrency: config.ROLLUP_CONCURRENCY,
        maxPending: config.MAX_PENDING_ROLLUPS,
        nowMs: () => performance.now(),
        nowUs: () => BigInt(Math.floor((performance.timeOrigin + performance.now()) * 1_000)),
        log,
      });
  return {
    types: PERSISTED_TYPES,
    atOnce: { [EVENT_TYPES.rawTrades]: config.TRADE_BATCHES_AT_ONCE },
    handle: createPersist({
      views,
      rows,
      horizonMs: config.HORIZON_MS,
      ...(rollups === null ? {} : { rollups }),
    }),
    warmUp: () => {
      rollups?.start();
      return cassandra.connect();
    },
    close: async () => {
      await rollups?.close();
      await cassandra.shutdown();
    },
  };
});
