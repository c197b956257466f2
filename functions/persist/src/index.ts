import { createCassandra } from '@kandle/runtime/cassandra';
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
  return {
    types: PERSISTED_TYPES,
    handle: createPersist({ views }),
    warmUp: () => cassandra.connect(),
    close: () => cassandra.shutdown(),
  };
});
