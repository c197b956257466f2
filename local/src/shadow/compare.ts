import { feedOfShard } from '@kandle/market/event/shard';
import { bucketsBetween } from '@kandle/market/view/buckets';
import { CANDLE_CONTENT } from '@kandle/market/view/columns';
import type { Client, types } from 'cassandra-driver';
import { type CandleText, type Changes, type Difference, differenceOf } from './differences.ts';

/** What two keyspaces have of a stretch of time. */
export interface Comparison {
  /** Candles that stand on both sides and say the same. */
  readonly same: number;
  readonly differences: readonly Difference[];
  /** Differences beyond those that are kept. */
  readonly more: number;
}

/** What is compared. */
export interface Compared {
  readonly production: string;
  readonly shadow: string;
  readonly shards: Iterable<string>;
  readonly fromMs: number;
  readonly toMs: number;
  readonly changes: Changes;
}

/** Most differences that are kept one by one. */
const MAX_DIFFERENCES = 100_000;
const FETCH_SIZE = 5_000;

/**
 * Compares the candles of five seconds of a stretch, bucket by bucket, so that one bucket of a shard is held at
 * a time.
 */
export async function compareCandles(
  client: Client,
  { production, shadow, shards, fromMs, toMs, changes }: Compared,
): Promise<Comparison> {
  const differences: Difference[] = [];
  let [same, more] = [0, 0];
  for (const shard of [...shards].toSorted()) {
    const feed = feedOfShard(shard);
    for (const bucket of bucketsBetween('candles_5s', fromMs, toMs)) {
      const isInRange = (startMs: number): boolean => startMs >= fromMs && startMs < toMs;
      const [there, here] = await Promise.all(
        [production, shadow].map((keyspace) => readBucket(client, keyspace, [feed, shard, new Date(bucket)])),
      );
      for (const key of new Set([...(there?.keys() ?? []), ...(here?.keys() ?? [])])) {
        const [startText = '', symbol = ''] = splitKey(key);
        const startMs = Number(startText);
        if (!isInRange(startMs)) continue;
        const found = differenceOf({ feed, symbol, startMs }, there?.get(key), here?.get(key), changes);
        if (found === null) same += 1;
        else if (differences.length < MAX_DIFFERENCES) differences.push(found);
        else more += 1;
      }
    }
  }
  return { same, differences, more };
}

async function readBucket(
  client: Client,
  keyspace: string,
  key: readonly unknown[],
): Promise<ReadonlyMap<string, CandleText>> {
  const found = new Map<string, CandleText>();
  const query = `SELECT symbol, start, ${CANDLE_CONTENT.join(', ')} FROM ${keyspace}.candles_5s WHERE feed = ? AND shard = ? AND bucket = ?`;
  for await (const row of await client.execute(query, [...key], { prepare: true, fetchSize: FETCH_SIZE })) {
    const start: unknown = row['start'];
    const startMs = start instanceof Date ? start.getTime() : 0;
    found.set(`${startMs} ${String(row['symbol'])}`, textsOf(row));
  }
  return found;
}

/** A symbol may have blanks; a start has none. */
function splitKey(key: string): readonly string[] {
  const blank = key.indexOf(' ');
  return [key.slice(0, blank), key.slice(blank + 1)];
}

function textsOf(row: types.Row): CandleText {
  return Object.fromEntries(CANDLE_CONTENT.map((name) => [name, String(row[name] ?? '')]));
}
