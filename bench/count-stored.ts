import type { Pipeline } from '@kandle/stand-in/pipeline';

type Client = Pipeline['client'];

/** Trades that the candles hold, by whether they are final. */
export interface CandleCounts {
  readonly inFinalCandles: number;
  /** Candles that are not final. */
  readonly provisional: number;
}

const FETCH_SIZE = 5_000;

/** Counts in `candles_5s`. */
export async function countCandles(client: Client, keyspace: string): Promise<CandleCounts> {
  const counts = { inFinalCandles: 0, provisional: 0 };
  const query = `SELECT state, trade_count FROM ${keyspace}.candles_5s`;
  for await (const row of await client.execute(query, [], { prepare: true, fetchSize: FETCH_SIZE })) {
    if (row['state'] === 'final') counts.inFinalCandles += Number(row['trade_count']);
    else counts.provisional += 1;
  }
  return counts;
}

/** Counts the rows of `trades`. */
export async function countTrades(client: Client, keyspace: string): Promise<number> {
  let count = 0;
  const query = `SELECT id FROM ${keyspace}.trades`;
  for await (const row of await client.execute(query, [], { prepare: true, fetchSize: FETCH_SIZE }))
    if (row['id'] !== null) count += 1;
  return count;
}
