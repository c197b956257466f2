import { createCassandra } from '@kandle/runtime/cassandra';
import { createMetrics } from '@kandle/runtime/metrics';
import { runFunction } from '@kandle/runtime/run-function';
import { readConfig } from './config.ts';
import { createPersist, PERSISTED_TYPES } from './handler.ts';
import { createViews } from './views.ts';

void runFunction('persist', readConfig, (config) => {
  const cassandra = createCassandra(config);
  const views = createViews(cassandra, {
    writeConcurrency: config.WRITE_CONCURRENCY,
    maxRowsPerBatch: config.MAX_ROWS_PER_BATCH,
  });
  const rows = createMetrics('persist').counter('persist_rows_total', 'Rows written, by view');
  return {
    types: PERSISTED_TYPES,
    handle: createPersist({ views, rows }),
    warmUp: () => cassandra.connect(),
    close: () => cassandra.shutdown(),
  };
});
