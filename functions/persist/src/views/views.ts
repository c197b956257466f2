import { partsOf } from '@kandle/market/event/parts';
import type { Client } from 'cassandra-driver';
import { translateCassandraError } from '@kandle/runtime/cassandra';
import { createRunAll } from '@kandle/runtime/run-all';
import {
  type PartitionRows,
  shapeOf,
  type ViewName,
  type ViewRow,
  type Views,
  type ViewValue,
  VIEWS,
} from './view-rows.ts';

/** How much is written at once. */
export interface ViewLimits {
  readonly writeConcurrency: number;
  readonly maxRowsPerBatch: number;
}

/** A repeated write changes nothing, so the driver may send it to another node when one fails. */
const OPTIONS = { prepare: true, logged: false, isIdempotent: true } as const;

const INSERTS: Readonly<Record<ViewName, string>> = {
  trades: insertInto('trades'),
  conditioned_trades: insertInto('conditioned_trades'),
  backfilled_trades: insertInto('backfilled_trades'),
  latest: insertInto('latest'),
  candles_5s: insertInto('candles_5s'),
  candle_revisions: insertInto('candle_revisions'),
  candles_1m: insertInto('candles_1m'),
  candles_5m: insertInto('candles_5m'),
  candles_1h: insertInto('candles_1h'),
  candles_1d: insertInto('candles_1d'),
  feed_gaps: insertInto('feed_gaps'),
  gap_backfills: insertInto('gap_backfills'),
  indicators: insertInto('indicators'),
  signals: insertInto('signals'),
  order_books: insertInto('order_books'),
  news: insertInto('news'),
  news_ratings: insertInto('news_ratings'),
  instruments: insertInto('instruments'),
  instrument_lists: insertInto('instrument_lists'),
};

function insertInto(view: ViewName): string {
  const { columns, table = view } = shapeOf(view);
  const markers = columns.map(() => '?').join(', ');
  return `INSERT INTO ${table} (${columns.join(', ')}) VALUES (${markers}) USING TIMESTAMP ?`;
}

/** A row's values in the order of its statement's markers. */
function paramsOf({ view, columns, timestamp }: ViewRow): ViewValue[] {
  const values: Readonly<Record<string, ViewValue>> = columns;
  const params: ViewValue[] = [];
  for (const name of VIEWS[view].columns) {
    const value = values[name];
    if (value === undefined) throw new RangeError(`Cannot write a row of ${view}: it has no ${name}`);
    params.push(value);
  }
  params.push(timestamp);
  return params;
}

/** The views in Cassandra: unlogged batches of one partition each, a bounded number at once over all calls. */
export function createViews(client: Client, limits: ViewLimits): Views {
  const runAll = createRunAll(limits.writeConcurrency);

  async function writeBatch(rows: PartitionRows): Promise<void> {
    const statements = rows.map((row) => ({ query: INSERTS[row.view], params: paramsOf(row) }));
    await client.batch(statements, OPTIONS);
  }

  return {
    async write(partitions) {
      try {
        const batches = partitions.flatMap((rows) => partsOf(rows, limits.maxRowsPerBatch));
        await runAll(batches, writeBatch);
      } catch (error) {
        throw translateCassandraError(error, 'write to the views');
      }
    },
  };
}
